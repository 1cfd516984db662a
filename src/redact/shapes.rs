//! Secrets that look like themselves, wherever they stand.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::names;

/// How one of the shapes begins.
pub(super) const HINT: &str = concat!(
    r"AKIA|ASIA|gh[pousr]_|github_pat_|gl[a-z]{2,5}-|xox[a-z]-|xapp-|sk-|AIza|npm_|pypi-|hf_|eyJ|-----BEGIN|hooks\.slack|discord|",
    r"[sr]k_(?:live|test)_|whsec_|SG\.|AC[0-9a-f]{32}|SK[0-9a-f]{32}|ya29\.|GOCSPX|shp(?:at|ca|pa|ss)_|hvs\.|gsk_|xai-|nvapi-|",
    r"AGE-|tskey-|r8_|figd_|lin_api_|rubygems_|dckr_|ATATT|cio[A-Za-z0-9]{32}|oy2|CLOJARS_|key-[0-9a-f]{32}|-us[0-9]|xkeysib-|",
    r"do[opr]_v1_|\.atlasv1\.|dapi[0-9a-f]{32}|dp\.[a-z]{2,5}\.|pul-[0-9a-f]{40}|gl[cs]a?_|NRAK-|sntr[uy]s?_|PMAK-|pscale_|sbp_|",
    r"ntn_|secret_|pat[A-Za-z0-9]{14}\.|ATBB|AKCp|cmVmd|Q~|LTAI|:AA|sq0|EAAA|pplx-|lsv2_|ops_ey|fo1_|fm[12][ar]?_|sha256~|p8e-|",
    r"tfp_|duffel_|rdme_|shippo_|A3T|ABIA|ACCA|hvb\.|EZ[AT]K|FLWSECK|pnu_|ico-|api_org_",
);

/// Keys of known makers. Each has a length that no word of a language reaches.
static KEYS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x-u) \b (
            (?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b
          | gh[pousr]_[A-Za-z0-9]{20,}
          | github_pat_[A-Za-z0-9_]{20,}
          | gl(?:pat|ptt|rt|dt|cbt|soat|ft|imt|agent|oas)-[A-Za-z0-9_-]{16,}
          | xox[abeoprs]-[A-Za-z0-9-]{10,} | xapp-[0-9]-[A-Za-z0-9-]{10,}
          | sk-(?:ant|proj|svcacct|admin|or-v1|lf)-[A-Za-z0-9_-]{16,} | sk-[A-Za-z0-9]{20,}
          | AIza[A-Za-z0-9_-]{30,}
          | npm_[A-Za-z0-9]{36,} | pypi-[A-Za-z0-9_-]{40,} | hf_[A-Za-z0-9]{30,} | rubygems_[0-9a-f]{48}
          | cio[A-Za-z0-9]{32}\b | dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}
          | eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?
          | [sr]k_(?:live|test)_[A-Za-z0-9]{10,} | whsec_[A-Za-z0-9+/=]{20,}
          | (?:AC|SK)[0-9a-f]{32}\b
          | SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}
          | ya29\.[A-Za-z0-9_-]{20,} | GOCSPX-[A-Za-z0-9_-]{20,}
          | dop_v1_[0-9a-f]{64} | shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32} | hvs\.[A-Za-z0-9_-]{20,}
          | gsk_[A-Za-z0-9]{40,} | xai-[A-Za-z0-9]{40,} | nvapi-[A-Za-z0-9_-]{40,} | r8_[A-Za-z0-9]{37,}
          | AGE-SECRET-KEY-1[0-9A-Z]{50,} | tskey-[a-z]+-[A-Za-z0-9-]{20,}
          | oy2[a-z0-9]{43}\b | CLOJARS_[a-z0-9]{60} | EZ[AT]K[A-Za-z0-9]{54} | FLWSECK(?:_TEST)?-[0-9a-h]{12,}
          | (?:key|pubkey)-[0-9a-f]{32}\b | [0-9a-f]{32}-us[0-9]{1,2}\b | xkeysib-[0-9a-f]{64}-[A-Za-z0-9]{16}
          | do[or]_v1_[0-9a-f]{64} | [A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{40,} | dapi[0-9a-f]{32}(?:-[0-9])?\b
          | dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9._-]{40,} | pul-[0-9a-f]{40}\b | pnu_[A-Za-z0-9]{36} | rdme_[a-z0-9]{70}
          | glsa_[A-Za-z0-9]{32}_[0-9A-Fa-f]{8} | glc_[A-Za-z0-9+/]{32,}={0,3} | NRAK-[A-Z0-9]{27}\b
          | sntrys_[A-Za-z0-9+/=_-]{60,} | sntryu_[0-9a-f]{64} | PMAK-[0-9a-f]{24}-[0-9a-f]{34} | shippo_(?:live|test)_[0-9a-f]{40}
          | pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_=.-]{32,} | sbp_[0-9a-f]{40}\b | ntn_[0-9]{11}[A-Za-z0-9]{35} | secret_[A-Za-z0-9]{43}\b
          | pat[A-Za-z0-9]{14}\.[0-9a-f]{64} | ATBB[A-Za-z0-9]{28,} | AKCp[A-Za-z0-9]{69} | cmVmd[A-Za-z0-9]{59}
          | [A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34} | LTAI[A-Za-z0-9]{16,20}\b | A3T[A-Z0-9]{17}\b
          | [0-9]{8,10}:AA[A-Za-z0-9_-]{33} | sq0[a-z]{3}-[A-Za-z0-9_-]{22,43} | EAAA[A-Za-z0-9_-]{60}
          | pplx-[A-Za-z0-9]{48} | lsv2_[a-z]{2}_[0-9a-f]{32}_[0-9a-f]{10} | ops_eyJ[A-Za-z0-9+/=_-]{40,} | api_org_[A-Za-z]{34}
          | fo1_[A-Za-z0-9_-]{43} | fm[12][ar]?_[A-Za-z0-9+/=_-]{80,} | sha256~[A-Za-z0-9_-]{43} | p8e-[a-z0-9]{32}\b
          | tfp_[A-Za-z0-9._=-]{59} | duffel_(?:live|test)_[A-Za-z0-9_=-]{43} | hvb\.[A-Za-z0-9_-]{100,} | ico-[A-Za-z0-9]{32}\b
          | figd_[A-Za-z0-9_-]{30,} | lin_api_[A-Za-z0-9]{30,} | ATATT3[A-Za-z0-9_=-]{50,}
        )",
    )
});

/// `scheme://user:SECRET@`.
static URL: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?-u)\b[A-Za-z][A-Za-z0-9+.-]*://[^\s/?#:@'"`<>]*:([^\s/'"`<>]+)@"#));

/// Addresses that are secrets.
static WEBHOOK: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x-u) hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9/_-]+)
          | discord(?:app)?\.com/api/(?:v[0-9]+/)?webhooks/([0-9]+/[A-Za-z0-9_-]+)",
    )
});

/// `Authorization: scheme SECRET`, also as a pair of strings of some language.
static HEADER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?xi-u) \b (?: (?:proxy-)?authorization | (?:x-)?api-?key | x-[a-z-]*(?:api-?key|token|secret)
              | x-goog-api-key | private-token | job-token | deploy-token | (?:set-)?cookie )
          \\?["']? [\x20\t]* : [\x20\t]* \\?["'`]?
          (?: (?:bearer|basic|token|digest|apikey|negotiate|bot|key) [\x20\t]+ )?
          ([^\s"'`\\] [^\r\n"'`\\]*)"#,
    )
});

/// `"password": "SECRET"`; the name is judged elsewhere.
static PAIR: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?-u)\\?["']([A-Za-z0-9_.-]+)\\?["'][ \t]*:[ \t]*\\?["']([^"'\\\r\n]+)"#));

static PRIVATE_KEY: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?s-u)-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(.{16,}?)(?:-----END|\z)"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a fixed pattern")
}

/// Returns the secrets in a text that shape or the text right before tells; `code` when names in it are rather searched for
/// than set.
pub(super) fn in_text(text: &[u8], code: bool) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let shapes = [&KEYS, &PRIVATE_KEY, &WEBHOOK].map(|pattern| (pattern, true));
    let places = [&URL].into_iter().chain((!code).then_some(&HEADER)).map(|pattern| (pattern, false));
    for (pattern, free) in shapes.into_iter().chain(places) {
        for captures in pattern.captures_iter(text) {
            let secret = captures.iter().skip(1).flatten().next().expect("each way has a group");
            let value = secret.as_bytes();
            let marked = value.trim_ascii_start().starts_with(super::MARK.as_bytes());
            if !marked && (free || !names::is_reference(value, false)) {
                found.push(secret.range());
            }
        }
    }
    for captures in PAIR.captures_iter(text).filter(|_| !code) {
        let (name, value) = (&captures[1], captures.get(2).expect("it has two groups"));
        if names::is_secret(name) && !names::is_harmless(value.as_bytes(), false) {
            found.push(value.range());
        }
    }
    found
}
