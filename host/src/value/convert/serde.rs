//! Structs and enums that serde knows, by way of their JSON.

use super::{FromValue, IntoValue, Mismatch};
use crate::value::{Type, Value, json};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A value that serde turns into a record, a variant or anything else, by the names of fields and cases. WIT spells names with
/// hyphens: `#[serde(rename_all = "kebab-case")]`.
///
/// It goes by way of [JSON](crate::Format::Json), in which floats that are not finite are strings.
///
/// ```rust,standalone_crate
/// # wpool::init();
/// use wpool::Serde;
///
/// #[derive(serde::Deserialize)]
/// struct Stats {
///     count: u32,
///     mean: f64,
/// }
/// # let pool = wpool::Pool::builder("../guest-examples/wasm/stats.wasm").build()?;
/// let Serde(stats) = pool.apply::<Serde<Stats>>("stats", ([1.5, 2.0, 4.0],))?;
/// println!("{} numbers, {} on average", stats.count, stats.mean);
/// # Ok::<(), wpool::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Serde<T>(pub T);

impl<T: Serialize> IntoValue for Serde<T> {
    fn into_value(self, ty: &Type) -> Result<Value, Mismatch> {
        let json = serde_json::to_value(self.0).map_err(|error| Mismatch::new(ty, error))?;
        json::from_json(ty, json).map_err(|what| Mismatch { message: what })
    }

    fn can_be(_: &Type) -> bool {
        true
    }
}

impl<T: DeserializeOwned> FromValue for Serde<T> {
    fn from_value(value: Value, ty: &Type) -> Result<Self, Mismatch> {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = json::write(ty, &value, &mut text);
        let read = serde_json::from_str(&text);
        read.map(Serde).map_err(|error| {
            Mismatch::new(format_args!("what serde reads ({error})"), value.brief())
        })
    }

    /// A `result` itself is for [`Result`], whose cases serde spells differently; what is in its `ok` is not.
    fn can_take(ty: &Type) -> bool {
        !matches!(ty, Type::Result { .. })
    }
}
