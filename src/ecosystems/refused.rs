//! Packages that nixpkgs evaluates only when it is told to: unfree ones, insecure ones and broken ones, at the index's date.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::index::Index;
use crate::nix::AttrPath;
use crate::requirements::Refusal;

/// attr, `unfree`, `insecure` or `broken`; sorted. What is two of them has the one that a policy cannot allow.
const TABLE: &str = include_str!("refused.tsv");

/// Sets in which every package is unfree.
const UNFREE: [&str; 3] = ["cudaPackages", "terraform-providers-unfree", "nvidiaPackages"];

/// Returns why nixpkgs refuses a package, when it does.
pub(super) fn of(attr: &AttrPath) -> Option<Refusal> {
    static ROWS: OnceLock<BTreeMap<&str, Refusal>> = OnceLock::new();
    let rows = ROWS.get_or_init(|| {
        let rows = TABLE.lines().filter_map(|line| line.split_once('\t'));
        rows.filter_map(|(attr, why)| Some((attr, read(why)?))).collect()
    });
    let set = attr.names().next().filter(|set| attr.names().count() > 1 && UNFREE.contains(set));
    set.map(|_| Refusal::Unfree).or_else(|| rows.get(attr.as_str()).copied())
}

fn read(why: &str) -> Option<Refusal> {
    match why {
        "unfree" => Some(Refusal::Unfree),
        "insecure" => Some(Refusal::Insecure),
        "broken" => Some(Refusal::Broken),
        _ => None,
    }
}

/// Returns the name by which `allowUnfreePredicate` knows a package: what `lib.getName` gives.
pub(super) fn name(index: &Index, attr: &AttrPath) -> String {
    let pname = index.attr(attr).and_then(|attr| attr.pname);
    pname.or(attr.names().last()).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table() {
        let index = Index::new();
        let rows: Vec<&str> = TABLE.lines().collect();
        assert!(rows.is_sorted() && rows.len() > 1000);
        for row in rows {
            let (attr, why) = row.split_once('\t').expect(row);
            let attr = AttrPath::parse(attr).expect(row);
            assert!(read(why).is_some() && index.attr(&attr).is_some(), "{row}");
        }
    }

    #[test]
    fn what_nixpkgs_refuses() {
        for (attr, why) in [
            ("terraform", Some(Refusal::Unfree)),
            ("vscode", Some(Refusal::Unfree)),
            ("unrar", Some(Refusal::Unfree)),
            ("cudaPackages.cuda_nvcc", Some(Refusal::Unfree)),
            ("nodejs_20", Some(Refusal::Insecure)),
            ("minio", Some(Refusal::Insecure)),
            ("jq", None),
        ] {
            assert_eq!(of(&AttrPath::parse(attr).expect(attr)), why, "{attr}");
        }
        let index = Index::new();
        assert_eq!(name(&index, &AttrPath::parse("vscode-fhs").expect("an attr")), "vscode");
    }
}
