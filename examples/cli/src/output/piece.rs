//! Short ids for people.

use std::collections::HashMap;

const SHORTEST: usize = 6;

/// For each wanted id, the shortest piece of its end (random, where its beginning is a time) that is found in no other id,
/// at least six digits.
pub(crate) fn pieces(wanted: &[String], all: &[String]) -> Vec<String> {
    let mut found = vec![None; wanted.len()];
    let mut length = SHORTEST;
    while found.iter().any(Option::is_none) {
        let holders = holders(all, length);
        for (id, piece) in wanted.iter().zip(&mut found).filter(|(_, piece)| piece.is_none()) {
            let end = &id[id.len().saturating_sub(length)..];
            let unique = holders.get(end).is_none_or(|holder| holder.is_only(id));
            if unique || length >= id.len() {
                *piece = Some(end.to_owned());
            }
        }
        length += 1;
    }
    found.into_iter().flatten().collect()
}

/// Who has a piece.
enum Holder<'a> {
    One(&'a str),
    Several,
}

impl Holder<'_> {
    fn is_only(&self, id: &str) -> bool {
        matches!(self, Self::One(holder) if *holder == id)
    }
}

fn holders(all: &[String], length: usize) -> HashMap<&str, Holder<'_>> {
    let mut holders = HashMap::new();
    for id in all {
        for start in 0..=id.len().saturating_sub(length) {
            let Some(piece) = id.get(start..start + length) else { continue };
            holders
                .entry(piece)
                .and_modify(|holder: &mut Holder<'_>| {
                    if !holder.is_only(id) {
                        *holder = Holder::Several;
                    }
                })
                .or_insert(Holder::One(id));
        }
    }
    holders
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned<const N: usize>(ids: [&str; N]) -> Vec<String> {
        ids.map(str::to_owned).into()
    }

    #[test]
    fn six_digits_are_enough_when_they_differ() {
        let ids = owned(["0000000000aaaaaa", "0000000000bbbbbb"]);
        assert_eq!(pieces(&ids, &ids), ["aaaaaa", "bbbbbb"]);
    }

    #[test]
    fn a_piece_grows_until_no_other_id_has_it_anywhere() {
        let ids = owned(["00000000x1aaaaaa", "00000000y1aaaaaa", "z2y1aaaaaa000000", "00000000000000ff"]);
        assert_eq!(pieces(&ids[..2], &ids), ["x1aaaaaa", "0y1aaaaaa"]);
        assert_eq!(pieces(&ids[3..], &ids), ["0000ff"]);
    }

    #[test]
    fn an_id_that_holds_its_own_end_twice_is_still_one() {
        let ids = owned(["aaaaaaaaaaaaaaaa"]);
        assert_eq!(pieces(&ids, &ids), ["aaaaaa"]);
    }
}
