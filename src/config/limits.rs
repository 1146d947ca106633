//! How much one GraphQL request may ask for.

use clap::Args;

/// How much one document may hold and ask for. What is above is refused with the figure found, before
/// anything is read from the database.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of a request's body.
    #[arg(long = "limit-body-bytes", env = "THRIVE_LIMIT_BODY_BYTES", default_value_t = Self::DEFAULT.body_bytes)]
    pub body_bytes: usize,

    /// The most values in a request's JSON, variables included.
    #[arg(long = "limit-json-values", env = "THRIVE_LIMIT_JSON_VALUES", default_value_t = Self::DEFAULT.json_values)]
    pub json_values: usize,

    /// The most bytes of a document.
    #[arg(long = "limit-document-bytes", env = "THRIVE_LIMIT_DOCUMENT_BYTES", default_value_t = Self::DEFAULT.document_bytes)]
    pub document_bytes: usize,

    /// The most words and signs of a document.
    #[arg(long = "limit-tokens", env = "THRIVE_LIMIT_TOKENS", default_value_t = Self::DEFAULT.tokens)]
    pub tokens: usize,

    /// How deep brackets may lie in brackets.
    #[arg(long = "limit-nesting", env = "THRIVE_LIMIT_NESTING", default_value_t = Self::DEFAULT.nesting)]
    pub nesting: usize,

    /// How deep fields may lie in fields, through fragments too.
    #[arg(long = "limit-depth", env = "THRIVE_LIMIT_DEPTH", default_value_t = Self::DEFAULT.depth)]
    pub depth: usize,

    /// The most fields, each fragment counted wherever it is spread.
    #[arg(long = "limit-fields", env = "THRIVE_LIMIT_FIELDS", default_value_t = Self::DEFAULT.fields)]
    pub fields: usize,

    /// The most fields of `Query` or `Mutation` in one operation.
    #[arg(long = "limit-root-fields", env = "THRIVE_LIMIT_ROOT_FIELDS", default_value_t = Self::DEFAULT.root_fields)]
    pub root_fields: usize,

    /// The most aliases of a document.
    #[arg(long = "limit-aliases", env = "THRIVE_LIMIT_ALIASES", default_value_t = Self::DEFAULT.aliases)]
    pub aliases: usize,

    /// The most directives of a document.
    #[arg(long = "limit-directives", env = "THRIVE_LIMIT_DIRECTIVES", default_value_t = Self::DEFAULT.directives)]
    pub directives: usize,

    /// The most directives at one place of a document.
    #[arg(long = "limit-directives-in-place", env = "THRIVE_LIMIT_DIRECTIVES_IN_PLACE", default_value_t = Self::DEFAULT.directives_in_place)]
    pub directives_in_place: usize,

    /// The most fragments of a document.
    #[arg(long = "limit-fragments", env = "THRIVE_LIMIT_FRAGMENTS", default_value_t = Self::DEFAULT.fragments)]
    pub fragments: usize,

    /// The most operations of a document.
    #[arg(long = "limit-operations", env = "THRIVE_LIMIT_OPERATIONS", default_value_t = Self::DEFAULT.operations)]
    pub operations: usize,

    /// The most that one operation may cost: a field costs 1, and what is below a list is counted once for
    /// each row that the list can answer.
    #[arg(long = "limit-cost", env = "THRIVE_LIMIT_COST", default_value_t = Self::DEFAULT.cost)]
    pub cost: u32,
}

impl Limits {
    /// Each question of the README costs less than a fifth of what one may.
    pub const DEFAULT: Self = Self {
        body_bytes: 256 * 1024,
        json_values: 20_000,
        document_bytes: 64 * 1024,
        tokens: 4_000,
        nesting: 40,
        depth: 16,
        fields: 2_000,
        root_fields: 50,
        aliases: 100,
        directives: 50,
        directives_in_place: 4,
        fragments: 50,
        operations: 20,
        cost: 100_000,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
