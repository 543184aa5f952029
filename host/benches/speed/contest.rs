//! A row of the table: what is measured, of whom, taken in turns, and the ratio that it comes to: the median of those of the turns,
//! since what else happens on the machine meets those who are measured next to each other alike.

use serde_json::{Value as Json, json};

/// Measures one thing once: seconds, or another number; `None` where it cannot be had here.
pub type Measure<'a> = Box<dyn FnMut() -> Option<f64> + 'a>;

/// Who is measured.
pub struct Entrant<'a> {
    name: &'static str,
    measure: Measure<'a>,
}

/// What a turn comes to, of what its entrants took in their order.
pub type Ratio = fn(&[f64]) -> f64;

/// What is aimed at.
#[derive(Clone, Copy)]
pub enum Goal {
    /// As much as that, or better the second.
    AtLeast(f64, f64),
    /// As little as that, or better the second.
    AtMost(f64, f64),
    /// Nothing: a peer, to be seen.
    None,
}

/// What is measured.
pub struct Contest<'a> {
    pub name: &'static str,
    pub rounds: usize,
    pub goal: Goal,
    pub ratio: Ratio,
    pub entrants: Vec<Entrant<'a>>,
}

/// A row that was measured.
pub struct Row {
    name: &'static str,
    goal: Goal,
    ratio: Option<f64>,
    entrants: Vec<(&'static str, Vec<f64>)>,
}

impl<'a> Entrant<'a> {
    pub fn new(name: &'static str, measure: impl FnMut() -> Option<f64> + 'a) -> Entrant<'a> {
        Entrant {
            name,
            measure: Box::new(measure),
        }
    }
}

impl Contest<'_> {
    /// Measures everybody in turns. Who is not there the first time is not asked again.
    pub fn run(mut self) -> Row {
        let mut taken: Vec<Vec<f64>> = vec![Vec::new(); self.entrants.len()];
        for round in 0..self.rounds {
            for (entrant, taken) in self.entrants.iter_mut().zip(&mut taken) {
                if taken.len() == round {
                    taken.extend((entrant.measure)());
                }
            }
        }
        let turns = (0..self.rounds).filter_map(|round| {
            let turn = taken.iter().map(|taken| taken.get(round).copied());
            Some((self.ratio)(&turn.collect::<Option<Vec<f64>>>()?))
        });
        let ratio = median(&turns.collect::<Vec<f64>>());
        let names = self.entrants.iter().map(|entrant| entrant.name);
        Row {
            name: self.name,
            goal: self.goal,
            ratio,
            entrants: names.zip(taken).collect(),
        }
    }
}

impl Row {
    /// A line for the table, and one for each entrant.
    pub fn show(&self) -> String {
        let ratio = self.ratio.map_or("-".into(), |ratio| format!("{ratio:.2}"));
        let goal = match self.goal {
            Goal::AtLeast(goal, stretch) => format!("at least {goal} ({stretch})"),
            Goal::AtMost(goal, stretch) => format!("at most {goal} ({stretch})"),
            Goal::None => String::new(),
        };
        let mut shown = format!(
            "{:<58} {ratio:>8}  {goal:<20} {}\n",
            self.name,
            self.verdict()
        );
        for (name, taken) in &self.entrants {
            let median = median(taken).map_or("not here".into(), |it| format!("{it:.6}"));
            shown += &format!("    {name:<54} {median:>12}\n");
        }
        shown
    }

    fn verdict(&self) -> &'static str {
        let reached = |is_reached: fn(f64, f64) -> bool, goal, stretch| match self.ratio {
            None => "not measured",
            Some(ratio) if is_reached(ratio, stretch) => "better than the goal",
            Some(ratio) if is_reached(ratio, goal) => "reached",
            Some(_) => "missed",
        };
        match self.goal {
            Goal::AtLeast(goal, stretch) => reached(|ratio, goal| ratio >= goal, goal, stretch),
            Goal::AtMost(goal, stretch) => reached(|ratio, goal| ratio <= goal, goal, stretch),
            Goal::None => "",
        }
    }

    pub fn json(&self) -> Json {
        let (goal, stretch) = match self.goal {
            Goal::AtLeast(goal, stretch) | Goal::AtMost(goal, stretch) => {
                (Some(goal), Some(stretch))
            }
            Goal::None => (None, None),
        };
        let entrants = self
            .entrants
            .iter()
            .map(|(name, taken)| json!({ "name": name, "median": median(taken), "taken": taken }));
        json!({
            "name": self.name,
            "ratio": self.ratio,
            "goal": goal,
            "stretch": stretch,
            "smaller_is_better": matches!(self.goal, Goal::AtMost(..)),
            "verdict": self.verdict(),
            "entrants": entrants.collect::<Vec<_>>(),
        })
    }
}

/// The one in the middle.
pub fn median(taken: &[f64]) -> Option<f64> {
    let mut sorted = taken.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}
