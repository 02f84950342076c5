//! The operations of a storage, to tell them apart.

/// A method of [`Storage`](crate::Storage) that does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// `put_new`
    PutNew,
    /// `get`
    Get,
    /// `get_range`
    GetRange,
    /// `head`
    Head,
    /// `list`
    List,
    /// `delete`
    Delete,
}

impl Operation {
    /// The verb that errors use.
    pub(super) fn verb(self) -> &'static str {
        match self {
            Self::PutNew => "create",
            Self::Get | Self::GetRange => "read",
            Self::Head => "look up",
            Self::List => "list",
            Self::Delete => "delete",
        }
    }
}
