//! How well secrets are known: a corpus of kinds in the places in which sessions have them, and the command lines of real
//! transcripts, which hold none.
//!
//! The secrets are made of parts here, so that no scanner of this repository takes them for real ones.

mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use agent_capture::agents::{Import, below};
use agent_capture::journal::Journal;
use agent_capture::redact;
use support::Project;

const LETTERS: &str = "aB3dE5gH7jK9mN2pQ4rS6tU8vW0x";
const HEX: &str = "0a1b2c3d4e5f67890f9e8d7c6b5a4938";
const CAPITALS: &str = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L";
const DIGITS: &str = "1029384756";

/// Returns so many characters of an alphabet.
fn some(alphabet: &str, length: usize) -> String {
    alphabet.chars().cycle().skip(3).take(length).collect()
}

/// Returns kinds of secrets that their makers gave a form, with one of each.
fn forms() -> Vec<(&'static str, String)> {
    let of = |parts: &[&str]| parts.concat();
    let key = |kind: &str| {
        format!("-----BEGIN {kind}{}-----\n{}\n-----END {kind}{0}-----", of(&["PRIVATE", " KEY"]), some(LETTERS, 64))
    };
    let jwt = format!(
        "{}.{}.{}",
        of(&["ey", "J", &some(LETTERS, 20)]),
        of(&["ey", "J", &some(LETTERS, 30)]),
        some(LETTERS, 43)
    );
    vec![
        ("AWS access key", of(&["AK", "IA", &some(CAPITALS, 16)])),
        ("AWS temporary key", of(&["AS", "IA", &some(CAPITALS, 16)])),
        ("GitHub token", of(&["gh", "p_", &some(LETTERS, 36)])),
        ("GitHub OAuth token", of(&["gh", "o_", &some(LETTERS, 36)])),
        ("GitHub app token", of(&["gh", "s_", &some(LETTERS, 36)])),
        ("GitHub fine-grained token", of(&["github", "_pat_", &some(LETTERS, 22), "_", &some(LETTERS, 59)])),
        ("GitLab token", of(&["gl", "pat-", &some(LETTERS, 20)])),
        ("GitLab runner token", of(&["gl", "rt-", &some(LETTERS, 20)])),
        ("Slack bot token", of(&["xo", "xb-", &some(DIGITS, 12), "-", &some(DIGITS, 12), "-", &some(LETTERS, 24)])),
        ("Slack app token", of(&["xa", "pp-1-", &some(CAPITALS, 11), "-", &some(DIGITS, 12), "-", &some(HEX, 64)])),
        (
            "Slack webhook",
            of(&[
                "https://hooks.slack",
                ".com/services/T",
                &some(CAPITALS, 8),
                "/B",
                &some(CAPITALS, 8),
                "/",
                &some(LETTERS, 24),
            ]),
        ),
        ("Discord webhook", of(&["https://discord", ".com/api/webhooks/", &some(DIGITS, 18), "/", &some(LETTERS, 68)])),
        ("Anthropic key", of(&["sk-", "ant-api03-", &some(LETTERS, 93), "AA"])),
        ("OpenAI key", of(&["sk", "-proj-", &some(LETTERS, 64)])),
        ("OpenAI old key", of(&["sk", "-", &some(LETTERS, 48)])),
        ("OpenRouter key", of(&["sk", "-or-v1-", &some(HEX, 64)])),
        ("Google API key", of(&["AI", "za", &some(LETTERS, 35)])),
        ("Google OAuth secret", of(&["GOC", "SPX-", &some(LETTERS, 28)])),
        ("Google access token", of(&["ya", "29.", &some(LETTERS, 60)])),
        ("npm token", of(&["np", "m_", &some(LETTERS, 36)])),
        ("PyPI token", of(&["py", "pi-AgEIcHlwaS5vcmc", &some(LETTERS, 60)])),
        ("crates.io token", of(&["ci", "o", &some(LETTERS, 32)])),
        ("RubyGems key", of(&["ruby", "gems_", &some(HEX, 48)])),
        ("NuGet key", of(&["oy", "2", &some("abcdefghijklmnopqrstuvwxyz234567", 43)])),
        ("Clojars token", of(&["CLO", "JARS_", &some(HEX, 60)])),
        ("Hugging Face token", of(&["h", "f_", &some(LETTERS, 34)])),
        ("Stripe key", of(&["sk", "_live_", &some(LETTERS, 24)])),
        ("Stripe webhook secret", of(&["wh", "sec_", &some(LETTERS, 32)])),
        ("Twilio key", of(&["S", "K", &some(HEX, 32)])),
        ("SendGrid key", of(&["S", "G.", &some(LETTERS, 22), ".", &some(LETTERS, 43)])),
        ("Mailgun key", of(&["ke", "y-", &some(HEX, 32)])),
        ("Mailchimp key", of(&[&some(HEX, 32), "-u", "s12"])),
        ("Brevo key", of(&["xkey", "sib-", &some(HEX, 64), "-", &some(LETTERS, 16)])),
        ("DigitalOcean token", of(&["do", "p_v1_", &some(HEX, 64)])),
        ("Shopify token", of(&["shp", "at_", &some(HEX, 32)])),
        ("Vault token", of(&["hv", "s.", &some(LETTERS, 90)])),
        ("Terraform Cloud token", of(&[&some(LETTERS, 14), ".atlas", "v1.", &some(LETTERS, 67)])),
        ("Databricks token", of(&["da", "pi", &some(HEX, 32)])),
        ("Doppler token", of(&["dp.", "pt.", &some(LETTERS, 43)])),
        ("Pulumi token", of(&["pu", "l-", &some(HEX, 40)])),
        ("Grafana token", of(&["gl", "sa_", &some(LETTERS, 32), "_", &some(HEX, 8)])),
        ("New Relic key", of(&["NR", "AK-", &some(CAPITALS, 27)])),
        ("Sentry token", of(&["sn", "trys_", &some(LETTERS, 80)])),
        ("Postman key", of(&["PM", "AK-", &some(HEX, 24), "-", &some(HEX, 34)])),
        ("PlanetScale token", of(&["psc", "ale_tkn_", &some(LETTERS, 43)])),
        ("Supabase token", of(&["sb", "p_", &some(HEX, 40)])),
        ("Linear key", of(&["lin", "_api_", &some(LETTERS, 40)])),
        ("Notion token", of(&["nt", "n_", &some(DIGITS, 11), &some(LETTERS, 35)])),
        ("Figma token", of(&["fi", "gd_", &some(LETTERS, 40)])),
        ("Airtable token", of(&["pat", &some(LETTERS, 14), ".", &some(HEX, 64)])),
        ("Atlassian token", of(&["ATA", "TT3", &some(LETTERS, 180)])),
        ("Bitbucket password", of(&["AT", "BB", &some(LETTERS, 32)])),
        ("Docker token", of(&["dck", "r_pat_", &some(LETTERS, 27)])),
        ("Artifactory key", of(&["AK", "Cp", &some(LETTERS, 69)])),
        ("Azure client secret", of(&[&some(LETTERS, 3), "8", "Q~", &some(LETTERS, 34)])),
        ("Alibaba key", of(&["LT", "AI", &some(LETTERS, 20)])),
        ("Telegram bot token", of(&[&some(DIGITS, 10), ":A", "A", &some(LETTERS, 33)])),
        ("Square token", of(&["sq0", "csp-", &some(LETTERS, 43)])),
        ("Groq key", of(&["gs", "k_", &some(LETTERS, 52)])),
        ("xAI key", of(&["xa", "i-", &some(LETTERS, 80)])),
        ("NVIDIA key", of(&["nv", "api-", &some(LETTERS, 64)])),
        ("Perplexity key", of(&["pp", "lx-", &some(LETTERS, 48)])),
        ("Replicate token", of(&["r", "8_", &some(LETTERS, 37)])),
        ("LangSmith key", of(&["ls", "v2_pt_", &some(HEX, 32), "_", &some(HEX, 10)])),
        ("1Password token", of(&["op", "s_", "ey", "J", &some(LETTERS, 250)])),
        ("age key", of(&["AGE-", "SECRET-KEY-1", &some(CAPITALS, 58)])),
        ("Tailscale key", of(&["ts", "key-auth-", &some(LETTERS, 17), "-", &some(LETTERS, 32)])),
        ("Fly token", of(&["fo", "1_", &some(LETTERS, 43)])),
        ("OpenShift token", of(&["sha256", "~", &some(LETTERS, 43)])),
        ("JSON web token", jwt),
        ("RSA key", key("RSA ")),
        ("OpenSSH key", key("OPENSSH ")),
        ("PKCS 8 key", key("")),
    ]
}

/// Returns command lines that hold a secret by its form, in one place each.
fn holding(secret: &str) -> Vec<String> {
    let mut lines = vec![
        format!("echo '{secret}'"),
        format!("printf '%s' \"{secret}\" > .env"),
        format!("curl -d '{{\"x\": \"{secret}\"}}' https://api.example.org/"),
        format!("python3 -c 'print(\"{secret}\")'"),
        format!("cat > config <<'EOF'\nvalue: {secret}\nEOF"),
        format!("bash -c \"echo '{secret}' | base64\""),
        format!("git commit -m 'remove {secret}'"),
    ];
    if !secret.contains('\n') {
        lines.push(format!("tool {secret} --yes"));
        lines.push(format!("tool --x={secret}"));
        lines.push(format!("X={secret} tool"));
        lines.push(format!("curl https://api.example.org/v1/{secret}/me"));
        lines.push(format!("sed -i 's/old/{secret}/' file"));
    }
    lines
}

/// Returns kinds of secrets that only their place tells, as command lines around one.
fn places(secret: &str) -> Vec<(&'static str, String)> {
    vec![
        ("password of a URL", format!("git clone https://user:{secret}@host/x.git")),
        ("password of a database URL", format!("psql postgres://user:{secret}@host:5432/db")),
        ("--password", format!("tool --password {secret}")),
        ("--token=", format!("tool --token={secret} x")),
        ("--api-key", format!("tool --api-key {secret}")),
        ("variable of a token", format!("SERVICE_TOKEN={secret} tool")),
        ("export of a key", format!("export MY_API_KEY={secret}")),
        ("AWS secret key", format!("export AWS_SECRET_ACCESS_KEY={secret}")),
        ("env", format!("env DB_PASSWORD={secret} tool")),
        ("docker -e", format!("docker run -e API_TOKEN={secret} image")),
        ("docker login", format!("docker login -u me -p {secret} ghcr.io")),
        ("mysql -p", format!("mysql -u root -p{secret} db")),
        ("sshpass", format!("sshpass -p {secret} ssh host")),
        ("curl -u", format!("curl -u me:{secret} https://host/")),
        ("Authorization header", format!("curl -H 'Authorization: Bearer {secret}' https://host/")),
        ("Basic header", format!("curl --header \"Authorization: Basic {secret}\" https://host/")),
        ("X-Api-Key header", format!("curl -H 'X-Api-Key: {secret}' https://host/")),
        ("PRIVATE-TOKEN header", format!("curl -H 'PRIVATE-TOKEN: {secret}' https://host/")),
        ("cookie", format!("curl -H 'Cookie: session={secret}' https://host/")),
        ("query", format!("curl 'https://host/x?access_token={secret}&y=1'")),
        ("JSON", format!("curl -d '{{\"user\": \"me\", \"password\": \"{secret}\"}}' https://host/")),
        ("here-document", format!("cat > .env <<EOF\nAPI_SECRET={secret}\nEOF")),
        ("npm config", format!("npm config set //registry.npmjs.org/:_authToken {secret}")),
        ("cargo login", format!("cargo login {secret}")),
        ("aws configure", format!("aws configure set aws_secret_access_key {secret}")),
        ("kubectl secret", format!("kubectl create secret generic s --from-literal=password={secret}")),
        ("openssl", format!("openssl rsa -passin pass:{secret} -in k.pem")),
        ("redis-cli -a", format!("redis-cli -a {secret} ping")),
        ("connection string", format!("psql 'host=h user=u password={secret} dbname=d'")),
        ("Azure account key", format!("az storage ls 'AccountName=x;AccountKey={secret};X=y'")),
        ("Java property", format!("mvn -Dsonar.token={secret} verify")),
        ("build argument", format!("docker build --build-arg NPM_TOKEN={secret} .")),
        ("script in a script", format!("ssh host 'MYSQL_PWD={secret} mysql'")),
        ("gpg passphrase", format!("gpg --batch --passphrase {secret} -d x.gpg")),
        ("htpasswd", format!("htpasswd -nbB me {secret}")),
        ("wget", format!("wget --user=me --http-password={secret} https://host/x")),
        ("zip", format!("zip -P {secret} x.zip x")),
    ]
}

#[test]
fn no_secret_of_the_corpus_is_missed() {
    let forms = forms();
    let plain = some("kJ8mQ2xZ7pL4vT9w", 24);
    assert!(forms.len() >= 40 && places(&plain).len() >= 30);
    let mut missed = BTreeSet::new();
    let mut lines = 0;
    let mut look = |kind: &str, secret: &str, line: &str| {
        lines += 1;
        // The part that is a secret: that of a webhook or of a key is not its beginning, which anybody may know.
        let inner = secret
            .lines()
            .map(|line| line.rsplit('/').next().unwrap_or(line))
            .max_by_key(|part| part.len())
            .unwrap_or(secret);
        let (kept, changed) = redact::line(line);
        if kept.contains(inner) || !changed {
            missed.insert(format!("{kind}, as a line: {}", line.replace(secret, "…")));
        }
        // A here-document is no argument of anything.
        let Some(words) = shlex::split(line).filter(|_| !line.contains("<<")) else { return };
        let words: Vec<Vec<u8>> = words.into_iter().map(String::into_bytes).collect();
        let (kept, changed) = redact::argv(&words);
        if !changed || String::from_utf8_lossy(&kept.concat()).contains(inner) {
            missed.insert(format!("{kind}, as arguments: {}", line.replace(secret, "…")));
        }
    };
    for (kind, secret) in &forms {
        holding(secret).iter().for_each(|line| look(kind, secret, line));
    }
    for (kind, line) in places(&plain) {
        look(kind, &plain, &line);
    }
    let note = format!(
        "redact: {} kinds by form, {} by place, {lines} lines, {} missed\n",
        forms.len(),
        places("").len(),
        missed.len()
    );
    std::io::stderr().write_all(note.as_bytes()).expect("stderr is open");
    assert!(missed.is_empty(), "{missed:#?}");
}

/// The folder with real transcripts, which are not in this repository; see `tests/transcripts.rs`.
fn transcripts() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/transcripts");
    std::env::var_os("AGENT_CAPTURE_TRANSCRIPTS").map(PathBuf::from).or(Some(beside)).filter(|folder| folder.is_dir())
}

#[test]
fn commands_of_real_sessions_are_left_alone() {
    let Some(folder) = transcripts() else {
        return support::skipped("no real transcripts: set AGENT_CAPTURE_TRANSCRIPTS to their folder");
    };
    let mut lines = BTreeSet::new();
    for path in below(&folder) {
        let mut import = Import::default();
        let file = File::open(&path).expect("a transcript");
        import
            .read(file, &mut |call| {
                lines.insert(call.line);
            })
            .expect("readable");
        import.finish(&mut |call| {
            lines.insert(call.line);
        });
    }
    let changed: Vec<&String> = lines.iter().filter(|line| redact::line(line).1).collect();
    // Whoever looks into them sees them: they are nobody's business else.
    if let Some(path) = std::env::var_os("AGENT_CAPTURE_FALSE_HITS") {
        let text: String = changed.iter().map(|line| format!("{line}\n-> {}\n\n", redact::line(line).0)).collect();
        std::fs::write(path, text).expect("written");
    }
    let share = changed.len() as f64 / lines.len() as f64 * 100.0;
    let note = format!("redact: {} of {} distinct commands changed, {share:.3} %\n", changed.len(), lines.len());
    std::io::stderr().write_all(note.as_bytes()).expect("stderr is open");
    assert!(lines.len() > 300, "{note}");
    assert!(share <= 0.2, "{note}");
}

#[test]
fn no_file_of_a_session_holds_a_secret() {
    let project = Project::demo();
    let forms = forms();
    let one_line: Vec<&(&str, String)> = forms.iter().filter(|(_, secret)| !secret.contains('\n')).collect();
    let plain = some("kJ8mQ2xZ7pL4vT9w", 24);
    let mut script = String::new();
    for (_, secret) in &one_line {
        writeln!(script, "jq -n --arg x '{secret}' 1 >/dev/null").expect("a String takes it");
    }
    writeln!(script, "make check API_TOKEN={plain}\nenv DB_PASSWORD={plain} jq -n 1 >/dev/null")
        .expect("a String takes it");
    writeln!(script, "bash -c 'jq -n --arg url https://me:{plain}@host/ 1' >/dev/null").expect("a String takes it");
    project.session(&["--no-verify", "--yes", "--name", "one"], &script).success();
    let mut command = project.command("grep");
    command.args(["-rhoaE", "[A-Za-z0-9_.~:/+=-]{12,}", ".git/agent-capture", ".agent-capture", "flake.nix"]);
    let text = String::from_utf8_lossy(&command.output().expect("grep").stdout).into_owned();
    let log = project.git(&["log", "-p"]);
    for (kind, secret) in &one_line {
        let inner = secret.rsplit('/').next().expect("a part");
        assert!(!text.contains(inner) && !log.contains(inner), "{kind}");
    }
    assert!(!text.contains(&plain) && !log.contains(&plain));
    let journal = Journal::parse(project.read(".agent-capture/one/journal.json").as_bytes()).expect("a journal");
    assert!(journal.events.execs as usize > one_line.len(), "all of it was recorded");
    // What is no secret is as it was: ids, hashes, names.
    assert!(journal.session.base.is_some() && journal.events.sha256.len() == 64);
    assert!(!project.read("flake.nix").contains("API_TOKEN"), "a redacted command is no check");
}

#[test]
fn ids_hashes_and_store_paths_are_no_secrets() {
    let hex = |length| some(HEX, length);
    for text in [
        format!("git show {}", hex(40)),
        format!("git cherry-pick {}..{}", hex(40), hex(40)),
        format!("sha256sum -c <<< '{}  x'", hex(64)),
        format!("nix build /nix/store/{}-jq-1.8.1", some("0123456789abcdfghijklmnpqrsvwxyz", 32)),
        format!("nix hash convert sha256-{}=", some(LETTERS, 43)),
        format!("docker pull image@sha256:{}", hex(64)),
        format!("npm ci --integrity sha512-{}==", some(LETTERS, 86)),
        format!("cargo install x --rev {}", hex(40)),
        "curl https://host/123e4567-e89b-12d3-a456-426614174000".to_owned(),
        format!("kubectl get pod web-{}-x7k2p", &hex(10)),
        format!("pip install x --hash=sha256:{}", hex(64)),
        "pytest tests/test_tokens.py::test_secret_is_kept -k 'password or token'".to_owned(),
        "ls dapi ops_eyes pul-x gl_test sk-learn key-value.txt patent.py secret_santa.rs".to_owned(),
    ] {
        assert_eq!(redact::line(&text), (text.as_str().into(), false));
    }
}
