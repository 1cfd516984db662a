//! Revisions of nixpkgs that are known to have been the head of a channel, or that nobody should use.
//!
//! A revision alone proves little: GitHub answers for `NixOS/nixpkgs/<rev>` with commits that exist only in a fork
//! (NixOS/nix#6271). A row is `rev TAB known|denied TAB channel or reason TAB lastModified TAB narHash`, sorted; of a denied
//! revision the last two are empty.

use super::table::Table;
use crate::nix::{NarHash, Pin, Rev};

const PINS: Table = Table(include_str!("pins.tsv"));

/// What is known of a pin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It was the head of this channel.
    Known(&'static str),
    /// The revision was the head of this channel, but hash or date are not that revision's.
    Differs(&'static str),
    /// It is not to be used, for this reason.
    Denied(&'static str),
    /// Nothing.
    Unknown,
}

/// Returns what is known of a pin.
pub fn standing(pin: &Pin) -> Standing {
    let Some(row) = PINS.get(pin.rev.as_str()) else { return Standing::Unknown };
    let mut fields = row.split('\t');
    let mut field = || fields.next().unwrap_or_default();
    let (kind, name, date, hash) = (field(), field(), field(), field());
    match kind {
        "known" if hash == pin.nar_hash.as_str() && date.parse() == Ok(pin.last_modified) => Standing::Known(name),
        "known" => Standing::Differs(name),
        _ => Standing::Denied(name),
    }
}

/// Returns the pin of a revision that was the head of a channel.
pub fn pin(rev: &Rev) -> Option<Pin> {
    let (kind, rest) = PINS.get(rev.as_str())?.split_once('\t')?;
    let mut fields = rest.split('\t').skip(1).filter(|_| kind == "known");
    let last_modified = fields.next()?.parse().ok()?;
    Some(Pin { rev: rev.clone(), last_modified, nar_hash: NarHash::parse(fields.next()?).ok()? })
}

/// Returns the revisions that are known, oldest name first.
pub fn known() -> impl Iterator<Item = Rev> {
    PINS.keys().filter_map(|rev| Rev::parse(rev).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_and_of_their_form() {
        let revs: Vec<Rev> = known().collect();
        assert!(revs.len() >= 3 && revs.is_sorted());
        assert_eq!(revs.len(), PINS.0.lines().count());
        for row in PINS.0.lines() {
            let fields: Vec<&str> = row.split('\t').collect();
            assert!(matches!(fields[1], "known" | "denied") && fields.len() == 5, "{row}");
            assert!(fields[1] == "denied" || NarHash::parse(fields[4]).is_ok(), "{row}");
            assert!(fields[1] == "denied" || fields[3].parse::<u64>().is_ok(), "{row}");
        }
    }

    #[test]
    fn a_pin_is_its_revision_and_its_hash() {
        let text = "github:NixOS/nixpkgs/8eeec934ae0dbeca3d7868c059568a65c08b2fc3?lastModified=1784011430&narHash=";
        let pin = |hash: &str| Pin::parse(&format!("{text}{hash}")).expect("a pin");
        let good = pin("sha256-lDebytrYdd47IBLwvNOD+6AGeoqZ78CIKlp70hzW280=");
        assert_eq!(standing(&good), Standing::Known("nixos-26.05"));
        let other = pin("sha256-djcLt/JJphyNt4eDY9XTly+/WbCK5lqWq9lSgCmJkkQ=");
        assert_eq!(standing(&other), Standing::Differs("nixos-26.05"));
        let rev = Rev::parse(&"0".repeat(40)).expect("a revision");
        assert_eq!(standing(&Pin { rev, ..good }), Standing::Unknown);
    }
}
