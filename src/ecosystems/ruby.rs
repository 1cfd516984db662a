//! Ruby: gems, interpreters that version managers keep, and what tests and lints.

use super::install::{self, Kind, Line};
use super::{
    Asked, Context, Ecosystem, Near, Need, Reading, Want, behind, call, families, line, listed, paths, project, verb,
    verifies, wants,
};
use crate::index::Index;
use crate::journal::{Invocation, Program, UsedFlake};
use crate::shell::{Inner, Started};

/// Options that take a value.
const VALUES: &str = "-v --version -i --install-dir -n --bindir --platform -s --source -P --trust-policy --build-root -g --group \
    --git --github --branch --path --require";

/// Folders below which a component is the version of a Ruby.
const FOLDERS: [&str; 3] = ["/.rbenv/versions/", "rubies/ruby-", "/hostedtoolcache/Ruby/"];

/// Programs of Ruby itself.
const OWN: &str = "bundle bundler erb gem irb racc rake rbs rdoc ri ruby typeprof";

/// Gems whose packages are beside the set of gems.
const GEMS: &str = "brakeman fastlane foreman overcommit rubocop rufo";

/// The ecosystem.
pub(super) struct Ruby;

impl Ecosystem for Ruby {
    fn name(&self) -> &'static str {
        "ruby"
    }

    fn keeps(&self, argv: &[&str]) -> bool {
        request(argv).is_some()
    }

    fn program(&self, program: &Program, context: &Context) -> Reading {
        let Some(path) = program.path.as_str() else {
            return Reading::Unrecognized;
        };
        let name = paths::name(path);
        let ruby = || {
            let choice = families::of_tool(context.index, "ruby", project::version(context.journal, "ruby"));
            choice.map_or(Reading::Unrecognized, |choice| Reading::Wants(vec![Want::of(choice, None)]))
        };
        let of_project = path.starts_with("vendor/bundle/") || path.starts_with("bin/bundle");
        if of_project && paths::is_project(path) {
            return ruby();
        }
        if program.through.as_deref().is_some_and(|through| listed("bundle bundler", through)) {
            let by_hand = || context.index.known(name).filter(|_| listed(GEMS, name));
            return match by_hand().or_else(|| install::of_language(context.index, name, "rubyPackages")) {
                _ if listed(OWN, name) || install::is_elsewhere(context.index, name) => Reading::Unrecognized,
                Some(attr) => Reading::Wants(wants(context.index, attr, name, None)),
                None => ruby(),
            };
        }
        let version =
            paths::of(program).find_map(|path| FOLDERS.iter().find_map(|folder| Some(paths::below(path, folder)?.0)));
        match version {
            Some(version) if listed(OWN, name) => install::managed(context, "ruby", version, name),
            _ => Reading::Unrecognized,
        }
    }

    fn invocation(&self, invocation: &Invocation, context: &Context) -> Option<Asked> {
        let words = invocation.words()?;
        let mut asked = Asked::default();
        match request(&words)? {
            Request::Gems(gems, version) => gems.iter().for_each(|gem| read(gem, version, context.index, &mut asked)),
            Request::Project => drop(asked.ignored.insert(install::LOCKED)),
            Request::Ruby(version) => {
                install::put(version, install::tool(context.index, "ruby", Some(version)), Kind::Tool, &mut asked);
            }
        }
        Some(asked)
    }

    fn installs(&self, argv: &[&str]) -> bool {
        matches!(request(argv), Some(Request::Gems(..) | Request::Ruby(_)))
    }

    fn verifies(&self, argv: &[&str]) -> Option<String> {
        let (program, rest) = call(argv)?;
        match program {
            "bundle" => match rest {
                ["exec", inner @ ..] => verifies(inner),
                _ => None,
            },
            "rspec" => Some("rspec".to_owned()),
            "rubocop"
                if rest.iter().any(|word| listed("-a -A --auto-correct --autocorrect --autocorrect-all", word)) =>
            {
                None
            }
            "rubocop" => Some("rubocop".to_owned()),
            "rake" => verb(program, rest, &["check", "spec", "test"]),
            "ruby" if rest.first() == Some(&"-c") && rest.len() > 1 => Some("ruby-syntax".to_owned()),
            _ => None,
        }
    }

    fn starts(&self, argv: &[&str]) -> Option<Started> {
        let (program, rest) = call(argv)?;
        let inner = match program {
            "bundle" | "bundler" => Inner::Words(behind(argv, "exec", "--gemfile")?),
            "rbenv" => Inner::Words(behind(argv, "exec", "")?),
            "chruby-exec" => Inner::Words(2 + rest.iter().position(|word| *word == "--")?),
            "rvm" => Inner::Words(2 + rest.iter().position(|word| *word == "do")?),
            _ => return None,
        };
        Some(Started { inner, own: program.starts_with("bundle") })
    }

    fn inner(&self, argv: &[&str], _index: &Index, _flakes: &[UsedFlake]) -> Option<String> {
        line(argv, self.starts(argv).filter(|started| !started.own)?)
    }

    fn need(&self, program: &str, near: &Near) -> Option<Need> {
        const WHY: &str = "the gems of its Gemfile.lock have no hashes that Nix reads";
        listed("bundle bundler", program).then(|| near.keeps("Gemfile.lock"))?.map(|_| Need::Online(WHY))
    }
}

/// What a command line asks for.
enum Request<'a> {
    /// Gems for the machine, and the version of a single one.
    Gems(Vec<&'a str>, Option<&'a str>),
    /// Gems for the project.
    Project,
    /// A version of Ruby.
    Ruby(&'a str),
}

fn request<'a>(argv: &[&'a str]) -> Option<Request<'a>> {
    let (program, words) = call(argv)
        .filter(|(program, _)| listed("bundle bundler chruby gem rbenv ruby-build ruby-install rvm", program))?;
    // What follows `--` is for the build.
    let words = &words[..words.iter().position(|word| *word == "--").unwrap_or(words.len())];
    let line = Line::read(words, if ["gem", "bundle", "bundler"].contains(&program) { VALUES } else { "" });
    let number = |word: &&&str| word.trim_start_matches("ruby-").starts_with(|c: char| c.is_ascii_digit());
    match (program, line.words.as_slice()) {
        ("gem", ["install" | "i", gems @ ..]) if !gems.is_empty() => {
            let version = line.values("-v --version").next().filter(|_| gems.len() == 1);
            Some(Request::Gems(gems.to_vec(), version))
        }
        ("bundle" | "bundler", ["add", _, ..]) => Some(Request::Project),
        ("rbenv", ["install" | "global" | "local" | "shell", rest @ ..]) | ("rvm", ["install" | "use", rest @ ..]) => {
            rest.iter().find(number).map(|version| Request::Ruby(version.trim_start_matches("ruby-")))
        }
        ("ruby-install", ["ruby", rest @ ..]) | ("chruby" | "ruby-build", rest) => {
            rest.iter().find(number).map(|version| Request::Ruby(version.trim_start_matches("ruby-")))
        }
        _ => None,
    }
}

/// Reads `gem` or `gem:1.2`.
fn read(word: &str, version: Option<&str>, index: &Index, asked: &mut Asked) {
    let (name, own) = word.split_once(':').map_or((word, None), |(name, version)| (name, Some(version)));
    let exact = |version: &&str| version.starts_with(|c: char| c.is_ascii_digit());
    let seen = own.or(version).filter(exact).and_then(super::versions::upstream);
    if listed("bundler rake", name) {
        asked.ignored.insert("a part of Ruby");
        return;
    }
    let library = index.known(&format!("rubyPackages.{name}"));
    match index.program(name).map(|found| found.attr).or_else(|| index.known(name)) {
        // A gem of which a program has the name is installed for that.
        Some(attr) if attr.as_str() == name || library.is_none() => {
            install::put(word, Some(Want { seen, ..Want::new(attr) }), Kind::Tool, asked);
        }
        _ => {
            let ruby = library.as_ref().and_then(|_| index.known("ruby")).map(Want::new);
            install::put(word, library.map(|attr| Want { seen, ..Want::new(attr) }), Kind::Library, asked);
            asked.wants.extend(ruby);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{alone, ask, program, starts_of};
    use super::*;

    #[test]
    fn command_lines() {
        for (line, reading) in [
            ("gem install rubocop -v 1.60 --no-document", "tools rubocop=1.60"),
            ("gem install nokogiri:1.16", "wants rubyPackages.nokogiri=1.16 ruby"),
            ("gem install nokogiri -- --use-system-libraries", "wants rubyPackages.nokogiri ruby"),
            ("gem install rubocop:1.60.0 jekyll -N", "tools rubocop=1.60.0 jekyll"),
            ("gem install cocoapods -v '~> 1.14'", "tools cocoapods"),
            ("chruby ruby-3.3", "tools ruby_3_3=3.3"),
            ("ruby-build 3.3.0 /opt/ruby", "tools ruby_3_3=3.3.0"),
            ("rvm use 3.3 --default", "tools ruby_3_3=3.3"),
            ("gem install bundler", "ignored a part of Ruby"),
            ("bundle add rails", "ignored the project's lock file keeps it"),
            ("rbenv install -s 3.3.0", "tools ruby_3_3=3.3.0"),
        ] {
            assert_eq!(ask(&Ruby, line).as_deref(), Some(reading), "{line}");
        }
        for line in ["bundle install", "gem list", "rbenv versions"] {
            assert_eq!(ask(&Ruby, line), None, "{line}");
        }
    }

    #[test]
    fn programs() {
        for (path, reading) in [
            ("~/.rbenv/versions/3.3.0/bin/ruby", "ruby_3_3 3.3.0 [ruby] 1"),
            ("/usr/local/rvm/rubies/ruby-3.3.0/bin/irb", "ruby_3_3 3.3.0 [irb] 1"),
            ("~/.rbenv/versions/3.3.0/bin/rubocop", "rubocop [rubocop] 1"),
            ("/opt/hostedtoolcache/Ruby/2.7.8/x64/bin/ruby", "ruby for ruby_2_7 2.7.8 [ruby] 1"),
            ("vendor/bundle/ruby/3.3.0/bin/rspec", "ruby [] 1"),
        ] {
            assert_eq!(alone(program(path)), reading, "{path}");
        }
    }

    #[test]
    fn checks() {
        for (line, name) in [
            ("bundle exec rspec", Some("rspec")),
            ("rake test", Some("rake-test")),
            ("bundle install", None),
            ("rubocop -a", None),
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(Ruby.verifies(&words).as_deref(), name, "{line}");
        }
    }

    #[test]
    fn what_it_starts() {
        for (line, command) in [
            ("bundle exec rspec -f d", "own rspec -f d"),
            ("bundle exec --gemfile x rake", "own rake"),
            ("rbenv exec ruby x.rb", "ruby x.rb"),
            ("rvm 3.3 do ruby x.rb", "ruby x.rb"),
            ("chruby-exec 3.3 -- ruby x.rb", "ruby x.rb"),
            ("bundle install", ""),
        ] {
            assert_eq!(starts_of(&Ruby, line), command, "{line}");
        }
    }

    #[test]
    fn what_bundler_starts() {
        let through = |name: &str| Program { through: Some("bundle".to_owned()), ..program(&format!("/bin/{name}")) };
        for (name, reading) in [
            ("rubocop", "rubocop [rubocop] 1"),
            ("rspec", "rubyPackages.rspec-core [rspec] 1"),
            ("foreman", "foreman [foreman] 1"),
            ("rake", "ruby [rake] 1"),
            ("psql", "postgresql [psql] 1"),
            ("our-own", "ruby [] 1"),
            ("task", "ruby [] 1"),
            ("server", "ruby [] 1"),
            ("dotenv", "ruby [] 1"),
            ("http", "ruby [] 1"),
        ] {
            assert_eq!(alone(through(name)), reading, "{name}");
        }
    }
}
