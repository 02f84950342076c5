//! `backup verify` and `backup check`.

use backup_core::Share;
use clap::Args;

use super::Choice;

#[derive(Debug, Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    pub(crate) backup: Choice,
    /// Read and authenticate all data of the backup too, not only its structure
    #[arg(long)]
    pub(crate) read_data: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Read data too: all of it, or a random share (10%, 1/7, 0.1)
    #[arg(long, value_name = "SHARE", num_args = 0..=1, require_equals = true, default_missing_value = "100%")]
    #[arg(value_parser = share)]
    pub(crate) read_data: Option<Share>,
}

fn share(text: &str) -> Result<Share, String> {
    Share::parse(text).map_err(|error| error.chain())
}
