//! A signature as WIT shows it: by interface, its types under their names.

use super::spelling::{Names, identifier};
use super::{Function, Signature, TypeDefinition};
use std::collections::HashMap;
use std::fmt;

/// An interface of a signature, spelt as WIT and harmless to a terminal.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// let pool = wpool::Pool::builder("../guest-examples/wasm/stats.wasm").build()?;
/// for interface in pool.signature().interfaces() {
///     for (_, wit) in &interface.functions {
///         println!("{wit}");
///     }
/// }
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct WitInterface<'a> {
    /// Its full name; none for what is exported at the root.
    pub name: Option<&'a str>,
    /// The types that it defines: `record point { x: f64, y: f64 }`.
    pub types: Vec<String>,
    /// Its functions, each with its name in the interface and its type: `norm: func(p: point) -> f64`.
    pub functions: Vec<(&'a Function, String)>,
}

impl Signature {
    /// The root, if anything is exported there, and all interfaces, in the order of the module. A type is spelt by its name
    /// where one is known; of several names for the same type, by the first.
    #[must_use]
    pub fn interfaces(&self) -> Vec<WitInterface<'_>> {
        let mut parts = Parts::default();
        for function in &self.functions {
            let (interface, name) = place(function);
            parts.of(interface).functions.push((function, name));
        }
        for definition in &self.types {
            let part = parts.of(definition.interface.as_deref());
            part.types.push(definition);
        }
        let parts = parts.in_order.iter();
        parts.map(|part| part.spelt(&self.types)).collect()
    }
}

/// What belongs to one interface.
struct Part<'a> {
    name: Option<&'a str>,
    functions: Vec<(&'a Function, &'a str)>,
    types: Vec<&'a TypeDefinition>,
}

impl<'a> Part<'a> {
    fn spelt(&self, all: &[TypeDefinition]) -> WitInterface<'a> {
        let names = Names::new(&self.types, all);
        let types = self.types.iter().map(|definition| {
            Spelt(|f| names.write_in_place(&definition.ty, &definition.name, f)).to_string()
        });
        let functions = self.functions.iter().map(|(function, name)| {
            let ty = Spelt(|f| names.write_function(function, f));
            (*function, format!("{}: {ty}", identifier(name)))
        });
        WitInterface {
            name: self.name,
            types: types.collect(),
            functions: functions.collect(),
        }
    }
}

#[derive(Default)]
struct Parts<'a> {
    in_order: Vec<Part<'a>>,
    places: HashMap<Option<&'a str>, usize>,
}

impl<'a> Parts<'a> {
    fn of(&mut self, name: Option<&'a str>) -> &mut Part<'a> {
        let next = self.in_order.len();
        let at = *self.places.entry(name).or_insert(next);
        if at == next {
            self.in_order.push(Part {
                name,
                functions: Vec::new(),
                types: Vec::new(),
            });
        }
        &mut self.in_order[at]
    }
}

/// The interface that a function is exported in, and its name there.
fn place(function: &Function) -> (Option<&str>, &str) {
    match function.name.split_once('#') {
        Some((interface, name)) => (Some(interface), name),
        None => (None, &function.name),
    }
}

struct Spelt<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result>(F);

impl<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result> fmt::Display for Spelt<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}
