//! Named functions that templates may call.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::error::CallError;
use crate::value::Value;

/// The longest string that a single call may make: four times the largest message that any receiver
/// takes, so that nobody honest meets it.
pub const CALL_BYTES_MAX: usize = 1 << 20;

/// A function: arguments in, value out. It must not block.
pub type Function = Arc<dyn Fn(&[Value]) -> Result<Value, CallError> + Send + Sync>;

/// Functions by name. Go's built-in ones are always there beside them.
#[derive(Clone, Default)]
pub struct FunctionSet {
    functions: BTreeMap<&'static str, Function>,
}

impl FunctionSet {
    /// No functions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a function, or replaces the one of this name.
    pub fn with(
        mut self,
        name: &'static str,
        function: impl Fn(&[Value]) -> Result<Value, CallError> + Send + Sync + 'static,
    ) -> Self {
        self.functions.insert(name, Arc::new(function));
        self
    }

    /// The function of this name.
    pub fn get(&self, name: &str) -> Option<&Function> {
        self.functions.get(name)
    }
}

impl fmt::Debug for FunctionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.functions.keys()).finish()
    }
}

/// Exactly `N` arguments.
pub(crate) fn exactly<const N: usize>(args: &[Value]) -> Result<&[Value; N], CallError> {
    args.try_into()
        .map_err(|_| CallError::new(format!("wrong number of args: want {N} got {}", args.len())))
}

/// At least `want` arguments.
pub(crate) fn at_least(want: usize, args: &[Value]) -> Result<(), CallError> {
    if args.len() < want {
        let got = args.len();
        return Err(CallError::new(format!(
            "wrong number of args: want at least {want} got {got}"
        )));
    }
    Ok(())
}

/// A string argument.
pub(crate) fn text(value: &Value) -> Result<&str, CallError> {
    value.as_str().ok_or_else(|| wrong_type("string", value))
}

/// An integer argument.
pub(crate) fn integer(value: &Value) -> Result<i64, CallError> {
    match value {
        Value::Int(number) => Ok(*number),
        other => Err(wrong_type("int", other)),
    }
}

/// The refusal of an argument of the wrong type.
pub(crate) fn wrong_type(want: &str, got: &Value) -> CallError {
    CallError::new(format!("wrong type for value; expected {want}; got {}", got.type_name()))
}

/// A list of strings, or of values printed as strings.
pub(crate) fn texts(value: &Value) -> Result<Vec<Arc<str>>, CallError> {
    match value.items() {
        crate::value::Items::List(list) => list
            .items()
            .iter()
            .map(|item| match item {
                Value::String(text) | Value::Safe(text) => Ok(text.clone()),
                other => Err(wrong_type("string", other)),
            })
            .collect(),
        _ => Err(wrong_type("[]string", value)),
    }
}
