//! The page of a report, opened and clicked through in a real browser. AGENT_CAPTURE_SCREENSHOTS names a folder for pictures.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use agent_capture::event::{Bytes, Status};
use agent_capture::index::Index;
use agent_capture::journal::{Journal, Ref};
use agent_capture::report::Report;
use agent_capture::requirements::Document;
use agent_capture::verification::Versions;
use serde_json::Value;
use support::browser::Browser;
use support::{Project, skipped};

/// One browser at a time: what is measured is measured alone.
static ONE: Mutex<()> = Mutex::new(());

/// Starts the browser, or says that there is none.
fn browser() -> Option<(Browser, MutexGuard<'static, ()>)> {
    let guard = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let browser = Browser::start();
    if browser.is_none() {
        skipped("the page needs `chromium`");
    }
    browser.map(|browser| (browser, guard))
}

/// A page of a recorded session, and its project.
fn recorded() -> (Project, PathBuf) {
    let project = Project::demo();
    let script = "jq -r '.[].name' data/cities.json >/dev/null\nrg -n 'def ' stats\nmake check\njq '.[0]' data/cities.json\nls /nowhere 2>/dev/null\nsh -c 'sh -c \"jq -n 1; jq -n 2\"; true'";
    project.session(&["--no-verify", "--yes", "--name", "one"], script).success();
    project.run(&["report", "--output", "report.html"]).success();
    let page = project.root().join("report.html");
    (project, page)
}

/// A page of a session with this many commands.
fn long(folder: &Path, count: usize) -> PathBuf {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/host-demo");
    let mut journal = Journal::parse(&fs::read(fixture.join("journal.json")).expect("a journal")).expect("a journal");
    let document = Document::parse(&fs::read(fixture.join("requirements.json")).expect("a file")).expect("a document");
    let few = std::mem::take(&mut journal.commands);
    for number in 0..count {
        let mut command = few[number % few.len()].clone();
        command.id = Ref::new('c', number + 1);
        command.at = number as i64 * 731;
        command.took = Some((number as i64 * 7919) % 4000);
        command.line = Bytes::from(format!("{} # {number}", command.line.to_text()));
        command.status = Some(Status::Code(u8::from(number % 17 == 3)));
        for program in journal.programs.iter_mut().filter(|_| number >= few.len()) {
            if program.commands.contains(&few[number % few.len()].id) {
                program.commands.insert(command.id.clone());
            }
        }
        journal.commands.push(command);
    }
    let journals = [journal];
    let (journals, index, versions) = (&journals, &Index::new(), &Versions::default());
    let report = Report { document: &document, journals, index, versions, verification: None, findings: &[] };
    let path = folder.join(format!("{count}.html"));
    fs::write(&path, report.html(&BTreeMap::new()).expect("a page")).expect("written");
    path
}

#[test]
fn the_page_is_one_file_that_loads_nothing() {
    let (_project, page) = recorded();
    let text = fs::read_to_string(&page).expect("a page");
    for bad in ["http:", "https:", "src=", "@import", "url(", "onclick", " style=", "javascript:", "eval("] {
        assert!(!text.contains(bad), "{bad}");
    }
    assert!(text.contains("default-src 'none'") && !text.contains("unsafe"));
    let Some((mut browser, _alone)) = browser() else { return };
    browser.open(&page);
    let asked = browser.requests();
    assert!(asked.iter().all(|url| url.starts_with("file://") && url.ends_with("report.html")), "{asked:?}");
    assert_eq!(browser.complaints(), [""; 0], "the policy allows exactly what the page has");
    // And nothing else: neither a script nor a style that is put in later runs.
    browser.eval("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.evil=1\"><p id=x style=\"color:red\">')");
    browser.eval("(() => { const it = document.createElement('script'); it.textContent = 'window.evil = 1'; document.body.append(it); })()");
    browser.eval("new Promise((done) => setTimeout(done, 100))");
    assert_eq!(browser.eval("window.evil === undefined"), true);
    assert!(browser.complaints().iter().any(|text| text.contains("Content Security Policy")), "the policy is in force");
}

#[test]
fn hostile_text_is_text() {
    let project = Project::demo();
    let hostile = "</script></code></li><img src=x onerror=window.evil=1>{{ 7*7 }}\u{202e}<!--";
    let script = format!("jq -n 1 --arg x '{hostile}' >/dev/null\nmake check X='{hostile}'\nmake 'Y={hostile}' check");
    project.session(&["--no-verify", "--yes", "--name", "one"], &script).success();
    project.run(&["report", "-o", "report.html"]).success();
    let text = project.read("report.html");
    assert!(!text.contains("<img") && !text.contains('\u{202e}'), "{text}");
    assert!(text.contains("&lt;img") && text.contains("\\u003cimg"), "in the page and in its data: {text}");
    assert_eq!(text.matches("</script>").count(), 2, "the data and the script end where they end");
    let Some((mut browser, _alone)) = browser() else { return };
    browser.open(&project.root().join("report.html"));
    browser.click("#s0-c1 > button");
    assert_eq!(browser.eval("window.evil === undefined && document.images.length"), 0);
    let shown = browser.eval("document.querySelector('#s0-c1 code').textContent");
    assert!(shown.as_str().is_some_and(|text| text.contains("<img src=x") && text.contains("{{ 7*7 }}")), "{shown}");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn one_clicks_through_the_page() {
    let (_project, page) = recorded();
    let Some((mut browser, _alone)) = browser() else { return };
    browser.window(1360, 1000, false);
    browser.open(&page);
    browser.screenshot("light");
    let number = |value: Value| value.as_u64().expect("a number");
    // A command unfolds into its processes: those of the raw events, as a tree.
    browser.click("#s0-c6 > button");
    assert_eq!(browser.eval("document.querySelector('#s0-c6 > button').ariaExpanded"), "true");
    let tree = browser.eval("document.querySelector('#s0-c6 .tree').textContent");
    assert!(tree.as_str().is_some_and(|text| text.contains("jq -n 1") && text.contains("jq -n 2")), "{tree}");
    assert_eq!(number(browser.eval("document.querySelectorAll('#s0-c6 .tree details details li').length")), 2);
    browser.screenshot("unfolded");
    // What is below a process folds.
    browser.click("#s0-c6 .tree summary");
    assert_eq!(browser.eval("document.querySelector('#s0-c6 .tree details').open"), false);
    browser.click("#s0-c6 > button");
    assert_eq!(browser.eval("document.querySelector('#s0-c6 .unfolded')"), Value::Null);
    // From a package to the commands that needed it, and back.
    browser.click("a.command[href='#s0-c2']");
    assert_eq!(browser.eval("document.activeElement.parentElement.id"), "s0-c2");
    assert!(
        browser
            .eval("document.querySelector('#s0-c2 .unfolded').textContent")
            .as_str()
            .is_some_and(|text| text.contains("rg -n"))
    );
    let link = browser.eval("document.querySelector('#s0-c2 > span > a').hash");
    browser.click("#s0-c2 > span > a");
    let attr = "document.querySelector('tr:target code').textContent";
    assert_eq!(browser.eval(attr), "ripgrep", "{link}");
    browser.click(".all");
    let shown = "[...document.querySelectorAll('.chunk > li')].filter((it) => !it.hidden).map((it) => it.id).join()";
    assert_eq!(browser.eval("document.querySelector('#filter').value"), "pkg:jq");
    assert_eq!(browser.eval(shown), "s0-c1,s0-c3,s0-c4,s0-c6");
    assert_eq!(browser.eval("document.querySelector('#count').textContent"), "4 of 6");
    browser.screenshot("filtered");
    // From a check to its command.
    browser.click("a.command[href='#s0-c3'] code");
    assert_eq!(browser.eval("document.activeElement.parentElement.id"), "s0-c3");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn the_keyboard_is_enough() {
    let (_project, page) = recorded();
    let Some((mut browser, _alone)) = browser() else { return };
    browser.window(1360, 1000, true);
    browser.open(&page);
    let focus = "document.activeElement.parentElement.id";
    browser.key("j");
    assert_eq!(browser.eval(focus), "s0-c1");
    browser.key("j");
    browser.key("ArrowDown");
    browser.key("k");
    assert_eq!(browser.eval(focus), "s0-c2");
    browser.key("Enter");
    assert_eq!(browser.eval("document.querySelectorAll('.unfolded').length"), 1);
    browser.key("ArrowLeft");
    assert_eq!(browser.eval("document.querySelectorAll('.unfolded').length"), 0);
    browser.key("p");
    assert_eq!(browser.eval("document.activeElement.textContent"), "ripgrep");
    browser.key("/");
    assert_eq!(browser.eval("document.activeElement.id"), "filter");
    browser.text("failed");
    browser.key("Enter");
    assert_eq!(browser.eval(focus), "s0-c5", "the one that failed");
    browser.key("Escape");
    assert_eq!(
        browser.eval("document.querySelector('#filter').value + document.querySelector('#count').textContent"),
        "6"
    );
    browser.key("/");
    browser.text("no such command");
    browser.key("Enter");
    assert_eq!(browser.eval("document.querySelector('#nothing').hidden"), false);
    browser.key("Escape");
    browser.key("End");
    assert_eq!(browser.eval(focus), "s0-c6");
    browser.key("?");
    assert_eq!(browser.eval("document.querySelector('#help').open"), true);
    browser.screenshot("help");
    browser.key("Escape");
    assert_eq!(browser.eval("document.querySelector('#help').open"), false);
    // Dark as the system, then as one chose.
    let paper = "getComputedStyle(document.body).backgroundColor";
    let dark = browser.eval(paper);
    browser.key("t");
    assert_ne!(browser.eval(paper), dark);
    browser.key("t");
    assert_eq!(browser.eval(paper), dark);
    assert_eq!(browser.eval("document.querySelector('#theme').textContent"), "Theme: dark");
    // One row at a time is in the order of tabs, and what one hears is what one sees.
    assert_eq!(browser.eval("document.querySelectorAll(\"li[id] > button[tabindex='0']\").length"), 1);
    let nodes = browser.call("Accessibility.getFullAXTree", serde_json::json!({}));
    let named = |role: &str, name: &str| {
        let all = nodes["nodes"].as_array().expect("nodes").iter();
        all.filter(|it| it["role"]["value"] == role && it["name"]["value"].as_str().is_some_and(|it| it.contains(name)))
            .count()
    };
    assert_eq!(named("searchbox", "Filter the commands"), 1);
    assert_eq!((named("region", "Packages"), named("region", "Checks"), named("region", "Commands")), (1, 1, 1));
    assert_eq!(named("button", "rg -n 'def ' stats"), 1);
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn without_raw_events_the_page_says_so() {
    let (project, page) = recorded();
    assert!(fs::read_to_string(&page).expect("a page").contains("process trees from the raw events"));
    let raw = project.root().join(".git/agent-capture/one/events-1.jsonl");
    fs::write(&raw, fs::read_to_string(&raw).expect("events").replacen("\"at\":1", "\"at\":2", 1)).expect("written");
    project.run(&["report", "-o", "report.html"]).success();
    assert!(
        project.read("report.html").contains("the raw events are not here"),
        "events that are not those of the journal"
    );
    fs::remove_file(&raw).expect("removed");
    project.run(&["report", "-o", "report.html"]).success();
    assert!(project.read("report.html").contains("the raw events are not here"));
    let Some((mut browser, _alone)) = browser() else { return };
    browser.open(&page);
    browser.click("#s0-c3 > button");
    let tree = browser.eval("document.querySelector('#s0-c3 .tree').textContent");
    assert!(tree.as_str().is_some_and(|text| text.contains("/usr/bin/jq")), "{tree}");
}

/// Opens two pages in turn; returns the medians of their first paints, in milliseconds.
fn first_paints(browser: &mut Browser, a: &Path, b: &Path) -> (f64, f64) {
    let paint = "new Promise((done) => { const look = () => { const it = performance.getEntriesByName('first-contentful-paint')[0]; it ? done(it.startTime) : setTimeout(look, 20); }; look(); })";
    let (mut times, rounds) = ([Vec::new(), Vec::new()], 7);
    for _ in 0..rounds {
        for (page, times) in [a, b].iter().zip(&mut times) {
            browser.open(page);
            times.push(browser.eval(paint).as_f64().expect("milliseconds"));
        }
    }
    times.iter_mut().for_each(|times| times.sort_by(f64::total_cmp));
    (times[0][rounds / 2], times[1][rounds / 2])
}

#[test]
#[expect(clippy::print_stderr, reason = "it prints what it measures")]
fn ten_thousand_commands_are_fluent() {
    let folder = tempfile::tempdir().expect("a folder");
    let (short, page) = (long(folder.path(), 10), long(folder.path(), 10_000));
    let bytes = fs::metadata(&page).expect("a page").len();
    let Some((mut browser, _alone)) = browser() else { return };
    for (name, width, height, dark) in
        [("long-dark", 1360, 1000, true), ("narrow", 420, 900, false), ("middle", 800, 1000, false)]
    {
        browser.window(width, height, dark);
        if name == "long-dark" {
            // What a page of ten costs is the browser's own, and what else the machine does.
            let (few, many) = first_paints(&mut browser, &short, &page);
            eprintln!("first paint, median: {many} ms of 10,000 commands, {few} ms of 10");
        }
        browser.open(&page);
        if name != "long-dark" {
            browser.screenshot(name);
            browser.eval("document.querySelector('#timeline').scrollIntoView({ behavior: 'instant' })");
        } else {
            browser.screenshot("dark");
            let ready = browser.eval("performance.getEntriesByType('navigation')[0].loadEventEnd");
            let search = "(() => { const began = performance.now(); const it = document.querySelector('#filter'); it.value = 'failed pytest'; it.dispatchEvent(new Event('input')); return new Promise((done) => setTimeout(() => requestAnimationFrame(() => done(performance.now() - began - 60)), 60)); })()";
            let filter = browser.eval(search);
            eprintln!("10,000 commands, {bytes} bytes: loaded {ready} ms, filter {filter} ms");
            let shown = browser.eval("[...document.querySelectorAll('.chunk > li')].filter((it) => !it.hidden).length");
            assert!(shown.as_u64().is_some_and(|shown| shown > 10 && shown < 600), "{shown}");
            // Rows that are out of sight are there and not drawn.
            browser.key("/");
            browser.key("Escape");
        }
        let drawn = "[...document.querySelectorAll('.chunk > li')].filter((it) => it.checkVisibility({ contentVisibilityAuto: true })).length";
        assert!(browser.eval(drawn).as_u64().is_some_and(|drawn| drawn < 2_000), "a screenful is drawn");
        // In the end all are there, so that the browser's own search finds them.
        let all = "new Promise((done) => { const look = () => document.querySelectorAll('.chunk > li').length === 10000 ? done(true) : setTimeout(look, 50); look(); })";
        assert_eq!(browser.eval(all), true);
        assert!(browser.eval(drawn).as_u64().is_some_and(|drawn| drawn < 2_000), "they are not drawn");
        browser.key("End");
        browser.eval("document.querySelector('#s0-c9000 > button').focus()");
        browser.key("Enter");
        assert_eq!(browser.eval("document.querySelectorAll('#s0-c9000 .unfolded').length"), 1);
        let fits = browser.eval("document.documentElement.scrollWidth <= innerWidth");
        assert_eq!(fits, true, "nothing is wider than the window of {width}");
        browser.eval("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
        browser.screenshot(&format!("{name}-commands"));
    }
    assert_eq!(browser.complaints(), [""; 0]);
}
