use std::hint::black_box;
use std::io::Write;
use std::time::Instant;

use proptest::prelude::*;

use super::{MARK, argv, line, settled, settled_line};

/// Returns a key of 40 characters that no scanner of this repository takes for a real one.
fn fake(prefix: &str, length: usize) -> String {
    format!("{prefix}{}", "aB3dE5gH7jK9".repeat(12).chars().take(length).collect::<String>())
}

fn words(text: &str) -> Vec<Vec<u8>> {
    let words = shlex::split(text).expect("a command line");
    words.into_iter().map(String::into_bytes).collect()
}

/// Redacts a command line in both forms and returns it.
fn both(text: &str) -> String {
    let (redacted, changed) = line(text);
    assert_eq!(changed, redacted != text, "{text}");
    let (as_argv, argv_changed) = argv(&words(text));
    assert_eq!(as_argv, words(&redacted), "{text}: as a line and as arguments");
    assert_eq!(argv_changed, changed, "{text}");
    redacted.into_owned()
}

#[test]
fn secrets_by_their_place() {
    for (text, want) in [
        ("git clone https://user:hunter2@host/x.git", "git clone https://user:[redacted]@host/x.git"),
        ("psql postgres://u:p@ss@db:5432/x?a=b", "psql postgres://u:[redacted]@db:5432/x?a=b"),
        ("redis-cli -u redis://:s3cret@host", "redis-cli -u redis://:[redacted]@host"),
        ("x --password=hunter2 --user=me", "x --password=[redacted] --user=me"),
        ("x --password 'hunter 2' y", "x --password '[redacted]' y"),
        ("x --api-key abc --token=def", "x --api-key [redacted] --token=[redacted]"),
        ("x -token abc --client-secret q", "x -token [redacted] --client-secret [redacted]"),
        ("mysql -u root -phunter2 db", "mysql -u root -p[redacted] db"),
        ("sudo docker exec db mysqldump -pX db", "sudo docker exec db mysqldump -p[redacted] db"),
        ("sshpass -p hunter2 ssh -p 22 host", "sshpass -p [redacted] ssh -p 22 host"),
        ("curl -u user:pass https://x", "curl -u user:[redacted] https://x"),
        ("/usr/bin/curl --user=user:pass https://x", "/usr/bin/curl --user=user:[redacted] https://x"),
        ("curl -sS -uuser:pass https://x", "curl -sS -uuser:[redacted] https://x"),
        ("curl -b sid=abc https://x", "curl -b sid=[redacted] https://x"),
        ("docker login -u me -p pw ghcr.io", "docker login -u me -p [redacted] ghcr.io"),
        ("redis-cli -a pw ping", "redis-cli -a [redacted] ping"),
        ("openssl rsa -passin pass:abc -in k.pem", "openssl rsa -passin [redacted] -in k.pem"),
        ("GITHUB_TOKEN=abc gh pr list", "GITHUB_TOKEN=[redacted] gh pr list"),
        ("export AWS_SECRET_ACCESS_KEY=/abc/def+1", "export AWS_SECRET_ACCESS_KEY=[redacted]"),
        ("env PGPASSWORD=\"a b\" psql", "env PGPASSWORD=\"[redacted]\" psql"),
        ("docker run -e DB_PASS=x -eAPI_KEY=y z", "docker run -e DB_PASS=[redacted] -eAPI_KEY=[redacted] z"),
        ("docker build --build-arg=NPM_TOKEN=x .", "docker build --build-arg=NPM_TOKEN=[redacted] ."),
        ("mvn -Dsonar.token=x verify", "mvn -Dsonar.token=[redacted] verify"),
        (
            "kubectl create secret generic s --from-literal=password=x",
            "kubectl create secret generic s --from-literal=password=[redacted]",
        ),
        (
            "npm config set //registry.npmjs.org/:_authToken abc",
            "npm config set //registry.npmjs.org/:_authToken [redacted]",
        ),
        ("aws configure set aws_secret_access_key abc", "aws configure set aws_secret_access_key [redacted]"),
        ("cargo login abc", "cargo login [redacted]"),
        ("htpasswd -nbB me abc", "htpasswd -nbB me [redacted]"),
        ("htpasswd -c .htpasswd me", "htpasswd -c .htpasswd me"),
        ("curl -H 'Authorization: Bearer abc' x", "curl -H 'Authorization: Bearer [redacted]' x"),
        ("curl -H\"X-Api-Key: abc\" x", "curl -H\"X-Api-Key: [redacted]\" x"),
        ("curl -H 'Cookie: a=b; c=d' x", "curl -H 'Cookie: [redacted]' x"),
        ("wget --header='PRIVATE-TOKEN: abc' x", "wget --header='PRIVATE-TOKEN: [redacted]' x"),
        ("echo Authorization: Basic abc", "echo Authorization: Basic [redacted]"),
        ("curl 'https://x/y?a=1&api_key=abc&b=2'", "curl 'https://x/y?a=1&api_key=[redacted]&b=2'"),
        (
            "curl -d '{\"user\":\"a\",\"password\":\"abc\"}' x",
            "curl -d '{\"user\":\"a\",\"password\":\"[redacted]\"}' x",
        ),
        (
            "az storage x 'DefaultEndpointsProtocol=https;AccountKey=abc==;X=y'",
            "az storage x 'DefaultEndpointsProtocol=https;AccountKey=[redacted];X=y'",
        ),
        ("psql 'host=h user=u password=abc dbname=d'", "psql 'host=h user=u password=[redacted] dbname=d'"),
        ("bash -c 'curl -u a:b x'", "bash -c 'curl -u a:[redacted] x'"),
        ("bash -lc \"mysql -pabc && TOKEN=x y\"", "bash -lc \"mysql -p[redacted] && TOKEN=[redacted] y\""),
        ("ssh host 'sshpass -p x ls'", "ssh host 'sshpass -p [redacted] ls'"),
        ("bash -c \"sh -c 'x --token abc'\"", "bash -c \"sh -c 'x --token [redacted]'\""),
        ("sed -i 's/API_KEY=.*/API_KEY=abc/' .env", "sed -i 's/API_KEY=.*/API_KEY=[redacted]/' .env"),
    ] {
        assert_eq!(both(text), want);
    }
}

#[test]
fn lines_that_are_more_than_words() {
    for (text, want) in [
        ("a; TOKEN=x b | c --token y && d", "a; TOKEN=[redacted] b | c --token [redacted] && d"),
        ("x 2>&1 --token abc >out", "x 2>&1 --token [redacted] >out"),
        ("T=$(curl -u a:b x) y", "T=$(curl -u a:[redacted] x) y"),
        ("echo \"`curl -u a:b x`\"", "echo \"`curl -u a:[redacted] x`\""),
        (
            "cat >.env <<'EOF'\nit's\nAPI_KEY=abc\nEOF\nmysql -px",
            "cat >.env <<'EOF'\nit's\nAPI_KEY=[redacted]\nEOF\nmysql -p[redacted]",
        ),
        ("x --password=ab'c d'e y", "x --password=[redacted] y"),
        ("x --password=ab'c d' y", "x --password=[redacted]'' y"),
        ("x --password=\"a\"'b' y", "x --password=\"[redacted]\"'' y"),
        ("x --password=\\$x\\ y z", "x --password=[redacted] z"),
        ("x --password=$'a\\'b' z", "x --password=$'[redacted]' z"),
        ("# TOKEN=abc\nx", "# TOKEN=[redacted]\nx"),
        ("curl \\\n  -u a:b \\\n  x", "curl \\\n  -u a:[redacted] \\\n  x"),
        ("(export TOKEN=abc)", "(export TOKEN=[redacted])"),
        ("x --password 'unclosed", "x --password '[redacted]"),
        ("é --password pé ü", "é --password [redacted] ü"),
    ] {
        assert_eq!(line(text).0, want);
    }
}

#[test]
fn secrets_by_their_shape() {
    let mut shapes = vec![
        "AKIAIOSFODNN7EXAMPLE".to_owned(),
        "ASIAIOSFODNN7EXAMPLE".to_owned(),
        format!("AC{}", "0123456789abcdef".repeat(2)),
        format!("SK{}", "0123456789abcdef".repeat(2)),
        format!("{}.{}.{}", fake("eyJ", 20), fake("eyJ", 30), fake("", 20)),
        format!("{}.{}", fake("SG.", 22), fake("", 43)),
        format!("AGE-SECRET-KEY-1{}", "QPZRY9X8GF".repeat(6)),
    ];
    for (prefix, length) in [
        ("ghp_", 36),
        ("gho_", 36),
        ("ghs_", 36),
        ("github_pat_", 82),
        ("glpat-", 20),
        ("xoxb-", 40),
        ("xoxp-", 40),
        ("xoxa-", 40),
        ("xoxr-", 40),
        ("sk-", 48),
        ("sk-ant-api03-", 60),
        ("sk-proj-", 60),
        ("AIza", 35),
        ("npm_", 36),
        ("pypi-", 80),
        ("hf_", 34),
        ("sk_live_", 24),
        ("rk_live_", 24),
        ("ya29.", 60),
        ("GOCSPX-", 28),
        ("gsk_", 52),
        ("xai-", 80),
        ("hvs.", 40),
    ] {
        shapes.push(fake(prefix, length));
    }
    for shape in shapes {
        assert_eq!(both(&format!("echo {shape}")), "echo [redacted]");
        assert_eq!(both(&format!("x 'a \"{shape}\" b' y")), "x 'a \"[redacted]\" b' y");
        assert_eq!(
            both(&format!("x --y={shape}/z")),
            if shape.starts_with("whsec") { String::new() } else { "x --y=[redacted]/z".to_owned() }
        );
    }
    assert_eq!(
        both(&format!("curl https://hooks.slack.com/services/T00/B00/{}", fake("", 24))),
        "curl https://hooks.slack.com/services/[redacted]"
    );
    assert_eq!(
        both(&format!("curl https://discord.com/api/webhooks/123/{}", fake("", 60))),
        "curl https://discord.com/api/webhooks/[redacted]"
    );
    let key = format!("-----BEGIN OPENSSH {} KEY-----\n{}\n-----END OPENSSH {0} KEY-----", "PRIVATE", fake("", 60));
    assert_eq!(
        line(&format!("echo '{key}' > k")).0,
        format!("echo '-----BEGIN OPENSSH {0} KEY-----[redacted]-----END OPENSSH {0} KEY-----' > k", "PRIVATE")
    );
}

#[test]
fn what_is_no_secret() {
    for text in [
        "git show 3f786850e387550fdab836ed7e6dc881de23001b",
        "nix build /nix/store/1b9p07z77phvv2hf6gm9f28syp39f1ag-python3.12-hf_transfer-0.1",
        "nix hash to-sri --type sha256 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "x 123e4567-e89b-12d3-a456-426614174000 sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
        "nix --option trusted-public-keys cache.nixos.org-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY= build",
        "cat token.txt secrets/password.go src/auth_token.rs",
        "gcc -DPASSWORD_LENGTH=8 -o password password.c",
        "grep -rn 'API_KEY=' src",
        "rg -n \"Authorization: Bearer\" .",
        "rg 'token=abc|secret=x'",
        "curl -H \"Authorization: Bearer $TOKEN\" x",
        "curl -H \"Authorization: Bearer ${{ secrets.TOKEN }}\" x",
        "TOKEN=$(gh auth token) x",
        "export API_KEY=\"${API_KEY:-}\"",
        "PASSWORD= x",
        "x --password '' y",
        "x --token-file /run/token --password-stdin",
        "x --show-token --no-password y",
        "git push https://$USER:$TOKEN@host/x",
        "curl http://localhost:3000/a@b",
        "ssh://git@host:22/x",
        "git clone git@github.com:owner/repo.git",
        "ssh -p 22 host",
        "docker run -p 80:80 --name mysql -p3306:3306 mysql:8",
        "x --max-tokens 4096 --max_token=10 --num-token 7",
        "x --next-token abc",
        "PWD=/x OLDPWD=/y z",
        "mysql -u root -p db",
        "curl -u user https://x",
        "cp -p a b",
        "PASS=0",
        "x --secret id=npm,src=.npmrc",
        "SSL_KEY=a ssh-keygen -t ed25519",
        "x --key value --author me",
        "git log --author=someone",
        "git commit -m 'add --token to the cli'",
        "python -c 'f(token=t, key=k)'",
        "tsc --noEmit -p tsconfig.json",
        "PRIVATE_KEY=/run/secrets/key x",
        "API_KEY=your-key x",
        "API_KEY=sk-... x",
        "TOKEN=REDACTED x",
        "TOKEN=xxx x",
        "TOKEN='<token>' x",
        "GOOGLE_CREDENTIALS=./key.json x",
        "[ \"$TOKEN\" == abc ]",
        "pip install sk-learn-contrib-something-quite-long-1",
        "npm_config_cache=/tmp/x npm_lifecycle_event=a npm ci",
        "task-aaaaaaaaaaaaaaaaaaaaaaaa disk-1234567890123456789012345",
        "",
    ] {
        assert_eq!(line(text), (text.into(), false));
        if let Some(words) = shlex::split(text) {
            let words: Vec<_> = words.into_iter().map(String::into_bytes).collect();
            assert_eq!(argv(&words), (words.clone(), false), "{text}");
        }
    }
}

#[test]
fn what_does_not_come_to_rest_is_taken_out_whole() {
    let text = "mysql -phunter2 db";
    for rounds in 0..2 {
        assert_eq!(settled_line(text, rounds), (MARK.into(), true));
        assert_eq!(settled(&words(text), rounds), (vec![MARK.as_bytes().to_vec(); 3], true));
    }
    assert_eq!(settled_line(text, 2), ("mysql -p[redacted] db".into(), true));
}

#[test]
fn bytes_that_are_no_text() {
    let (words, changed) =
        argv(&[b"x\xff".to_vec(), b"--password=\xfe\xff".to_vec(), b"\x80https://u:p@h/\xff".to_vec()]);
    assert_eq!(words, [&b"x\xff"[..], b"--password=[redacted]", b"\x80https://u:[redacted]@h/\xff"]);
    assert!(changed);
}

#[test]
fn what_a_compiler_costs() {
    let gcc = "gcc -Wp,-MMD,drivers/base/.core.o.d -nostdinc -I./arch/x86/include -I./include -include ./include/linux/kconfig.h \
        -D__KERNEL__ -std=gnu11 -fshort-wchar -funsigned-char -fno-common -fno-PIE -fno-strict-aliasing -mno-sse -mno-mmx \
        -m64 -mtune=generic -mcmodel=kernel -O2 -DKBUILD_MODNAME='\"core\"' -c -o drivers/base/core.o drivers/base/core.c";
    let rustc = format!(
        "rustc --crate-name serde_json --edition=2021 /root/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/serde_json-1.0.145/src/lib.rs \
         --error-format=json --crate-type lib --emit=dep-info,metadata,link -C opt-level=3 {}",
        "--extern serde=/work/target/release/deps/libserde-0f3d5a7c9b1e2f40.rmeta --check-cfg 'cfg(docsrs,test)' "
            .repeat(30)
    );
    for (name, text) in [("gcc", gcc), ("rustc", &rustc)] {
        let words = words(text);
        assert!(!argv(&words).1);
        let (rounds, begin) = (2000, Instant::now());
        for _ in 0..rounds {
            black_box(argv(black_box(&words)));
        }
        let each = begin.elapsed() / rounds;
        let note = format!("redact: {name}, {} words, {} bytes: {each:?}\n", words.len(), text.len());
        std::io::stderr().write_all(note.as_bytes()).expect("stderr is open");
    }
}

/// Pieces of which command lines with secrets in odd places are made.
fn piece() -> impl Strategy<Value = String> {
    let fixed = [
        "--password",
        "--token=",
        "TOKEN=",
        "mysql",
        "-p",
        "curl",
        "-u",
        "a:b",
        "https://u:p@h",
        "Authorization: Bearer ",
        "'",
        "\"",
        "\\",
        "$(",
        ")",
        "`",
        "${",
        "}",
        " ",
        "\n",
        ";",
        "<<EOF\n",
        "EOF\n",
        "#",
        "bash -c ",
        "{\"password\":\"x\"}",
        "&secret=",
        "=",
        "$'",
        "[redacted]",
        "-----BEGIN PRIVATE KEY-----",
        "-----END",
        "set ",
        "é",
        "x",
        "$A",
        "Cookie:",
        "//",
        "ghp_aB3dE5gH7jK9aB3dE5gH7jK9",
        "eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0",
        "password=",
        "host=",
        ",",
        "?",
        "&",
    ];
    prop_oneof![proptest::sample::select(fixed.to_vec()).prop_map(str::to_owned), "[ -~]{0,6}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn twice_is_once(pieces in proptest::collection::vec(piece(), 0..24)) {
        let text = pieces.concat();
        let (once, changed) = line(&text);
        prop_assert_eq!(line(&once), (once.clone(), false), "{:?} {:?}", text, changed);
    }

    #[test]
    fn twice_is_once_for_arguments(words in proptest::collection::vec(proptest::collection::vec(piece(), 0..8), 0..8)) {
        let words: Vec<_> = words.into_iter().map(|pieces| pieces.concat().into_bytes()).collect();
        let (once, _) = argv(&words);
        prop_assert_eq!(argv(&once), (once.clone(), false));
        prop_assert_eq!(once.len(), words.len());
    }

    #[test]
    fn a_line_is_like_its_arguments(words in proptest::collection::vec(proptest::collection::vec(piece(), 0..6), 1..8)) {
        let words: Vec<_> = words.into_iter().map(|pieces| pieces.concat()).collect();
        let text = shlex::try_join(words.iter().map(String::as_str)).expect("no NUL");
        let (redacted, _) = line(&text);
        let back = shlex::split(&redacted).expect("still a command line");
        let (as_argv, _) = argv(&words.into_iter().map(String::into_bytes).collect::<Vec<_>>());
        prop_assert_eq!(back.into_iter().map(String::into_bytes).collect::<Vec<_>>(), as_argv, "{:?} {:?}", text, redacted);
    }

    #[test]
    fn arbitrary_bytes(words in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..4), text in ".*") {
        let once = argv(&words).0;
        prop_assert_eq!(argv(&once).0, once);
        let marks = line(&text).0.matches(MARK).count();
        prop_assert!(marks <= text.len());
    }
}
