//! Watch what an agent session really runs, and leave behind a small pinned `flake.nix` that Nix has proved.
//!
//! ```text
//! processes ──recorders──▶ Event… ──▶ Journal ──ecosystems──▶ Requirements ──▶ Flake ──▶ Verification ──▶ Commit
//! transcript ──agents─────▶  "                                    └────────────── report ─────────────────┘
//! ```
//!
//! A file is a stage, a folder is a family. A module uses lower floors only; siblings and members of a family do not know
//! each other (`tests/layers.rs`). Floors, ground first:
//!
//! | floor | modules |
//! |---|---|
//! | 0 | `sys` `nix` `console` `redact` `event` `host` `shell` `cli` |
//! | 1 | `journal` `index` `policy` |
//! | 2 | `requirements` |
//! | 3 | `agents` `ecosystems` |
//! | 4 | `recorders` `session` `flake` |
//! | 5 | `verification` |
//! | 6 | `commit` `report` |
//! | 7 | `pipeline` |
//! | 8 | `main` |

pub mod agents;
pub mod cli;
pub mod commit;
pub mod console;
pub mod ecosystems;
pub mod event;
pub mod flake;
pub mod host;
pub mod index;
pub mod journal;
pub mod nix;
pub mod pipeline;
pub mod policy;
pub mod recorders;
pub mod redact;
pub mod report;
pub mod requirements;
pub mod session;
pub mod shell;
pub mod sys;
pub mod verification;
