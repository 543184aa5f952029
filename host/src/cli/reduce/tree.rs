//! In which order the pieces of a fold are combined: as a tree over the places of the inputs, so that many pairs can be combined at
//! once, none grows much faster than its neighbour, and order is kept.

use std::collections::BTreeMap;

/// The inputs from `first` on, `count` of them, combined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece<V> {
    /// Counted from 0.
    pub(super) first: u64,
    pub(super) count: u64,
    pub(super) value: V,
}

/// The pieces that wait for their neighbours. There are about as many as are being combined, times the height of the tree.
#[derive(Debug)]
pub(super) struct Tree<V> {
    waiting: BTreeMap<u64, Piece<V>>,
}

/// What is left to do once all inputs are there.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Rest<V> {
    /// There were no inputs.
    Nothing,
    /// All are combined.
    Whole(V),
    /// These two are neighbours.
    Pair(Piece<V>, Piece<V>),
}

impl<V> Tree<V> {
    pub(super) fn new() -> Tree<V> {
        Tree {
            waiting: BTreeMap::new(),
        }
    }

    /// A piece of which half a pair is complete: both halves, the left one first, if the other is there.
    pub(super) fn add(&mut self, piece: Piece<V>) -> Option<(Piece<V>, Piece<V>)> {
        // Pieces are as long as powers of two, and begin at multiples of their length.
        let other = piece.first ^ piece.count;
        match self.waiting.remove(&other) {
            Some(other) if other.count == piece.count => Some(match other.first < piece.first {
                true => (other, piece),
                false => (piece, other),
            }),
            shorter => {
                self.waiting
                    .extend(shorter.map(|shorter| (shorter.first, shorter)));
                self.waiting.insert(piece.first, piece);
                None
            }
        }
    }

    /// Puts back what was combined of a pair that [`Tree::rest`] gave out.
    pub(super) fn put_back(&mut self, piece: Piece<V>) {
        self.waiting.insert(piece.first, piece);
    }

    /// What is left, where all inputs are there and nothing is being combined: the shortest pieces are last.
    pub(super) fn rest(&mut self) -> Rest<V> {
        let Some((_, right)) = self.waiting.pop_last() else {
            return Rest::Nothing;
        };
        match self.waiting.pop_last() {
            Some((_, left)) => Rest::Pair(left, right),
            None => Rest::Whole(right.value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    fn combine(left: &Piece<String>, right: &Piece<String>) -> Piece<String> {
        Piece {
            first: left.first,
            count: left.count + right.count,
            value: format!("{}{}", left.value, right.value),
        }
    }

    /// Folds letters that come in that order; `late` says which combinations are done last.
    fn fold(order: &[u64], late: impl Fn(u64) -> bool) -> (Rest<String>, usize) {
        let mut tree = Tree::new();
        let mut most = 0;
        let leaf = |place: &u64| Piece {
            first: *place,
            count: 1,
            value: char::from(b'a' + *place as u8).to_string(),
        };
        let mut arriving: VecDeque<_> = order.iter().map(leaf).collect();
        while let Some(piece) = arriving.pop_front() {
            if let Some((left, right)) = tree.add(piece) {
                let combined = combine(&left, &right);
                match late(combined.first) {
                    true => arriving.push_back(combined),
                    false => arriving.push_front(combined),
                }
            }
            most = most.max(tree.waiting.len());
        }
        loop {
            match tree.rest() {
                Rest::Pair(left, right) => tree.put_back(combine(&left, &right)),
                rest => return (rest, most),
            }
        }
    }

    #[test]
    fn order_is_kept_whatever_comes_first() {
        for count in 0..20_u64 {
            let whole: String = (0..count)
                .map(|place| char::from(b'a' + place as u8))
                .collect();
            let expected = match count {
                0 => Rest::Nothing,
                _ => Rest::Whole(whole),
            };
            let forwards: Vec<u64> = (0..count).collect();
            let backwards: Vec<u64> = (0..count).rev().collect();
            let mixed: Vec<u64> = (0..count).map(|place| place * 7 % count.max(1)).collect();
            for order in [&forwards, &backwards] {
                assert_eq!(fold(order, |_| false).0, expected);
                assert_eq!(fold(order, |first| first % 4 == 0).0, expected);
            }
            if count % 7 != 0 {
                assert_eq!(fold(&mixed, |_| true).0, expected);
            }
        }
    }

    #[test]
    fn of_inputs_in_order_few_pieces_wait() {
        let order: Vec<u64> = (0..26).collect();
        assert!(fold(&order, |_| false).1 <= 5);
    }

    #[test]
    fn a_piece_waits_for_one_as_long_as_itself() {
        let mut tree = Tree::new();
        let piece = |first, count| Piece {
            first,
            count,
            value: (),
        };
        assert!(tree.add(piece(0, 2)).is_none());
        assert!(tree.add(piece(2, 1)).is_none());
        assert_eq!(tree.add(piece(3, 1)), Some((piece(2, 1), piece(3, 1))));
        assert_eq!(tree.add(piece(2, 2)), Some((piece(0, 2), piece(2, 2))));
    }
}
