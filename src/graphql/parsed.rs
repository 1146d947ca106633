//! Documents that were parsed, and found valid: those used last, by their text, so that what dashboards ask all day is
//! read once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use async_graphql::{
    Request, ServerError, ValidationResult,
    parser::{
        parse_query,
        types::{DocumentOperations, ExecutableDocument, OperationDefinition},
    },
};
use lru::LruCache;

use super::completion;

/// A parsed document.
pub struct Document {
    pub parsed: ExecutableDocument,
    /// What the executor is given instead, if it would get it wrong.
    marked: Option<ExecutableDocument>,
    /// Of each operation that was found valid, by the name it was asked for with.
    valid: RwLock<HashMap<Option<String>, ValidationResult>>,
}

impl Document {
    pub fn parse(text: &str) -> Result<Self, ServerError> {
        let parsed = parse_query(text)?;
        let marked = completion::marked(&parsed);
        Ok(Self { parsed, marked, valid: RwLock::default() })
    }

    /// The operation that is meant by a name, or by none.
    pub fn operation(&self, name: Option<&str>) -> Option<&OperationDefinition> {
        let found = match (&self.parsed.operations, name) {
            (DocumentOperations::Single(only), None) => only,
            (DocumentOperations::Single(_), Some(_)) => return None,
            (DocumentOperations::Multiple(many), Some(name)) => many.get(name)?,
            (DocumentOperations::Multiple(many), None) if many.len() == 1 => {
                many.values().next()?
            }
            (DocumentOperations::Multiple(_), None) => return None,
        };
        Some(&found.node)
    }

    /// Whether the operation was found valid: apart from the values of its variables, it is.
    pub fn is_valid(&self, name: Option<&str>) -> bool {
        let valid = self.valid.read().unwrap_or_else(PoisonError::into_inner);
        valid.contains_key(&name.map(str::to_owned))
    }

    /// Has the executor take it, and learn from the validation.
    pub fn give(self: &Arc<Self>, mut request: Request) -> Request {
        request.set_parsed_query(self.marked.as_ref().unwrap_or(&self.parsed).clone());
        let operation = request.operation_name.clone();
        request.data(Validation { document: Arc::clone(self), operation })
    }
}

/// The validation of an operation that is about to be carried out.
pub struct Validation {
    document: Arc<Document>,
    operation: Option<String>,
}

impl Validation {
    /// What was found before, where the values of variables cannot make a difference.
    pub fn known(&self) -> Option<ValidationResult> {
        let constant = self.document.operation(self.operation.as_deref())?;
        let constant = constant.variable_definitions.is_empty();
        let valid = self.document.valid.read().unwrap_or_else(PoisonError::into_inner);
        valid.get(&self.operation).copied().filter(|_| constant)
    }

    pub fn found(&self, result: ValidationResult) {
        let mut valid = self.document.valid.write().unwrap_or_else(PoisonError::into_inner);
        // Only names of operations that there are: a document keeps no more than it has itself.
        if self.document.operation(self.operation.as_deref()).is_some() {
            valid.insert(self.operation.clone(), result);
        }
    }
}

/// The documents used last.
pub struct Documents(Mutex<Kept>);

struct Kept {
    by_text: LruCache<String, Arc<Document>>,
    bytes: usize,
}

/// Of texts; parsed, they are some ten times as large.
const MOST_BYTES: usize = 256 * 1024;

impl Default for Documents {
    fn default() -> Self {
        Self(Mutex::new(Kept { by_text: LruCache::unbounded(), bytes: 0 }))
    }
}

impl Documents {
    pub fn find(&self, text: &str) -> Option<Arc<Document>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.by_text.get(text).cloned()
    }

    pub fn keep(&self, text: &str, document: &Arc<Document>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.by_text.put(text.to_owned(), Arc::clone(document)).is_none() {
            kept.bytes += text.len();
        }
        while kept.bytes > MOST_BYTES {
            let Some((text, _)) = kept.by_text.pop_lru() else { return };
            kept.bytes -= text.len();
        }
    }
}
