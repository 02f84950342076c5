//! `backup init`: makes a repository.

use serde_json::json;

use super::Outcome;
use crate::failure::Failure;
use crate::session::Session;

pub(super) async fn run(session: &Session) -> Result<Outcome, Failure> {
    let repository = session.create().await?;
    let (id, location) = (repository.id().to_string(), repository.location());
    session.output.result(&json!({ "repository": { "id": id, "location": location } }), || {
        format!(
            "made the repository {id} in {location}\n\
             Without its passphrase nobody can read it, you included: keep a copy of it elsewhere.\n"
        )
    })?;
    Ok(Outcome::Done)
}
