//! The server for agents, asked by a real client of the Model Context Protocol over its standard input and output.

#![cfg(feature = "mcp")]

mod support;

use rmcp::model::CallToolRequestParams;
use rmcp::service::RunningService;
use rmcp::transport::TokioChildProcess;
use rmcp::{RoleClient, ServiceExt};
use serde_json::{Value, json};
use support::Project;

/// Starts the server in a project.
async fn connect(project: &Project) -> RunningService<RoleClient, ()> {
    let mut command = project.command(env!("CARGO_BIN_EXE_agent-capture"));
    command.arg("mcp");
    let server = TokioChildProcess::new(tokio::process::Command::from(command)).expect("the server starts");
    ().serve(server).await.expect("the server greets")
}

/// Calls a tool: whether it succeeded, and what it says.
async fn call(client: &RunningService<RoleClient, ()>, tool: &'static str, arguments: Value) -> (bool, Value) {
    let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
    let called = client.call_tool(CallToolRequestParams::new(tool).with_arguments(arguments)).await.expect("an answer");
    (called.is_error != Some(true), called.structured_content.expect("structured"))
}

#[tokio::test(flavor = "current_thread")]
async fn an_agent_finds_the_right_attr_before_it_guesses() {
    let project = Project::bare_folder();
    let client = connect(&project).await;
    let info = client.peer_info().expect("a greeting");
    assert!(info.instructions.as_deref().is_some_and(|text| text.contains("find_package")), "{info:?}");
    let tools = client.list_all_tools().await.expect("tools");
    let mut names: Vec<&str> = tools.iter().map(|tool| &*tool.name).collect();
    names.sort_unstable();
    assert_eq!(names, ["check_attrs", "find_package", "last_verification", "session_status"]);
    for (kind, name, attr) in [
        ("program", "rg", "ripgrep"),
        ("library", "libz.so.1", "zlib"),
        ("library", "libz", "zlib"),
        ("header", "openssl/ssl.h", "openssl"),
        ("python-module", "yaml", "python3Packages.pyyaml"),
        ("debian-package", "libssl-dev", "openssl"),
        ("pkg-config", "openssl", "openssl"),
        ("cmake", "fmt", "fmt"),
    ] {
        let (good, said) = call(&client, "find_package", json!({ "kind": kind, "names": [name] })).await;
        let first = &said["found"][0]["candidates"][0];
        assert!(good && first["attr"] == attr, "{kind} {name}: {said}");
        assert!(said["pin"]["nixpkgs"].as_str().is_some_and(|rev| rev.len() == 40), "{said}");
    }
    let (_, said) = call(&client, "find_package", json!({ "kind": "program", "names": ["rg", "no-such-x"] })).await;
    assert!(said["found"][0]["candidates"][0]["version"].as_str().is_some_and(|it| it.starts_with(char::is_numeric)));
    assert_eq!(said["found"][1], json!({ "name": "no-such-x", "candidates": [] }));
    let (_, said) = call(&client, "check_attrs", json!({ "attrs": ["jq", "ripgerp", "a b"] })).await;
    assert_eq!((&said["attrs"][0]["exists"], &said["attrs"][0]["write"]), (&true.into(), &"jq".into()));
    assert_eq!((&said["attrs"][1]["exists"], &said["attrs"][1]["near"][0]), (&false.into(), &"ripgrep".into()));
    assert_eq!(said["attrs"][2], json!({ "attr": "a b", "exists": false, "near": [] }));
    client.cancel().await.expect("it ends");
}

#[tokio::test(flavor = "current_thread")]
async fn what_is_asked_is_bounded_and_validated() {
    let client = connect(&Project::bare_folder()).await;
    for (names, why) in [
        (json!([]), "ask for 1 to 50 names, not for 0"),
        (json!(vec!["x"; 51]), "not for 51"),
        (json!(["x".repeat(201)]), "is no name of 1 to 200 bytes"),
        (json!(["a\u{1b}[31m"]), r"`a\u{1b}[31m` is no name"),
        (json!([""]), "is no name"),
    ] {
        let (good, said) = call(&client, "find_package", json!({ "kind": "program", "names": names })).await;
        assert!(!good && said["error"].as_str().is_some_and(|error| error.contains(why)), "{why}: {said}");
    }
    let (good, said) = call(&client, "find_package", json!({ "kind": "header", "names": ["vector"] })).await;
    assert!(!good && said["error"].as_str().is_some_and(|error| error.contains("as in #include")), "{said}");
    for arguments in [
        json!({ "kind": "shell", "names": ["x"] }),
        json!({ "names": ["x"] }),
        json!({ "kind": "program", "names": ["x"], "run": "y" }),
    ] {
        let Value::Object(arguments) = arguments else { unreachable!() };
        let call = CallToolRequestParams::new("find_package").with_arguments(arguments);
        assert!(client.call_tool(call).await.map_or(true, |said| said.is_error == Some(true)));
    }
    // Where there is no repository, it says so and goes on.
    let (good, said) = call(&client, "session_status", json!({})).await;
    assert!(!good && said["error"].is_string(), "{said}");
    client.cancel().await.expect("it ends");
}

#[tokio::test(flavor = "current_thread")]
async fn session_and_verification_are_those_of_the_repository() {
    let project = Project::demo();
    let client = connect(&project).await;
    assert_eq!(call(&client, "session_status", json!({})).await, (true, json!({ "session": null })));
    let (good, said) = call(&client, "last_verification", json!({})).await;
    assert!(!good && said["hints"][0].as_str().is_some_and(|hint| hint.contains("agent-capture run")), "{said}");
    let pin = "github:NixOS/nixpkgs/61b7c44c4073f0b827768aff0049561b5110ea5a?lastModified=1784356753&narHash=sha256-12KrbMiWLcf8m7pCvAtZh1ZrgF85ZXDXvfR/fWTKy84=";
    project.session(&["--no-verify", "--no-commit", "--name", "one", "--nixpkgs", pin], "jq -n 1").success();
    assert_eq!(call(&client, "last_verification", json!({})).await, (true, json!({ "verification": null })));
    let (_, said) = call(&client, "check_attrs", json!({ "attrs": ["jq"] })).await;
    assert_eq!(said["attrs"][0]["version_of"], "index", "{said}");
    assert!(said["pin"]["note"].as_str().is_some_and(|note| note.contains("this pin may have another")), "{said}");
    client.cancel().await.expect("it ends");
}

#[tokio::test(flavor = "current_thread")]
#[ignore = "needs real Nix"]
async fn versions_are_those_of_the_pin_once_nix_evaluated_them() {
    let project = Project::demo().with_nix("new");
    project.session(&["--yes", "--name", "one"], "jq -n 1").success();
    let client = connect(&project).await;
    let (_, said) = call(&client, "check_attrs", json!({ "attrs": ["jq", "ripgrep"] })).await;
    let of = |number: usize| (&said["attrs"][number]["version"], &said["attrs"][number]["version_of"]);
    assert_eq!(of(0), (&"1.7.1".into(), &"pin".into()), "{said}");
    assert_eq!(of(1).1, "index", "{said}");
    let (_, said) = call(&client, "last_verification", json!({})).await;
    assert_eq!(said["verification"]["versions"], json!({ "jq": "1.7.1" }), "{said}");
    client.cancel().await.expect("it ends");
}
