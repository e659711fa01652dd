//! Real C#: compiles expressions in batches with Microsoft's compiler and runs them on .NET Core 3.1.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value as Json, json};

/// What every expression may name without its namespace.
const USINGS: &str = "using System;using System.Collections;using System.Collections.Generic;using System.Collections.ObjectModel;using System.Globalization;using System.IO;\
    using System.Linq;using System.Net;using System.Security.Cryptography;\
    using System.Security.Cryptography.X509Certificates;using System.Text;using System.Text.RegularExpressions;\
    using System.Xml;using System.Xml.Linq;using Newtonsoft.Json;using Newtonsoft.Json.Linq;\
    using Formatting=Newtonsoft.Json.Formatting;";
/// Expressions of one run of the compiler.
const BATCH: usize = 4_000;
/// Runs of the compiler on one batch, each without what the one before refused.
const ATTEMPTS: usize = 40;

/// An expression to ask about.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// With its `@(…)` or `@{…}`.
    pub(crate) expression: String,
    pub(crate) context: Json,
}

/// An installation of real C#.
#[derive(Debug)]
pub(crate) struct CSharp {
    install: PathBuf,
    run: PathBuf,
}

impl CSharp {
    /// Opens what `tests/oracle/install` made in a folder, and compiles the stand-in `context`.
    pub(crate) fn open(install: &Path) -> Result<CSharp, String> {
        let install = install.canonicalize().map_err(|_| {
            format!("no C# in `{}`: run tests/oracle/install first", install.display())
        })?;
        let run = install.join("run").join(std::process::id().to_string());
        fs::create_dir_all(&run).map_err(|error| error.to_string())?;
        let csharp = CSharp { install, run };
        fs::copy(
            csharp.install.join("lib/Newtonsoft.Json.dll"),
            csharp.run.join("Newtonsoft.Json.dll"),
        )
        .map_err(|error| error.to_string())?;
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("csharp");
        let mut arguments = vec!["-target:library".to_owned(), "-out:oracle.dll".to_owned()];
        for file in ["Context.cs", "Fixed.cs", "Runner.cs"] {
            arguments.push(sources.join(file).display().to_string());
        }
        let errors = csharp.compile(&arguments)?;
        if errors.is_empty() { Ok(csharp) } else { Err(errors) }
    }

    /// Compiles one C# program of this folder and gives what it prints.
    pub(crate) fn program(&self, name: &str) -> Result<String, String> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("csharp").join(name);
        let errors =
            self.compile(&["-out:program.exe".to_owned(), source.display().to_string()])?;
        if !errors.is_empty() {
            return Err(errors);
        }
        let done = self.dotnet("program", &[])?;
        if !done.stderr.is_empty() {
            return Err(String::from_utf8_lossy(&done.stderr).into_owned());
        }
        Ok(String::from_utf8_lossy(&done.stdout).into_owned())
    }

    /// The answers in order: `{"type", "value"}`, `{"value": null}`, `{"error", "message"}`, `{"compile"}`, or `{"crash"}` when
    /// the process died or had to be ended.
    pub(crate) fn ask(&self, questions: &[Question]) -> Result<Vec<Json>, String> {
        let mut answers = Vec::with_capacity(questions.len());
        for batch in questions.chunks(BATCH) {
            answers.extend(self.ask_batch(batch)?);
        }
        Ok(answers)
    }

    /// The refused among questions, by number. Nothing is run.
    pub(crate) fn refusals(
        &self,
        questions: &[Question],
    ) -> Result<BTreeMap<usize, Refusal>, String> {
        let mut all = BTreeMap::new();
        for (chunk, batch) in questions.chunks(BATCH).enumerate() {
            let refused = self.compile_batch(batch)?;
            all.extend(refused.into_iter().map(|(at, refusal)| (chunk * BATCH + at, refusal)));
        }
        Ok(all)
    }

    fn ask_batch(&self, batch: &[Question]) -> Result<Vec<Json>, String> {
        let refused = self.compile_batch(batch)?;
        let compile = |refusal: Refusal| json!({ "compile": refusal.message });
        let mut answers: BTreeMap<usize, Json> =
            refused.into_iter().map(|(index, refusal)| (index, compile(refusal))).collect();
        let contexts: Vec<String> =
            batch.iter().map(|question| question.context.to_string()).collect();
        self.write("contexts.txt", &contexts.join("\n"))?;
        self.run_batch(batch.len(), &mut answers)?;
        Ok((0..batch.len())
            .map(|index| answers.remove(&index).unwrap_or_else(|| json!({ "crash": "no answer" })))
            .collect())
    }

    /// Compiles until nothing is refused any more; gives the first refusal of each that was.
    fn compile_batch(&self, batch: &[Question]) -> Result<BTreeMap<usize, Refusal>, String> {
        let mut refused = BTreeMap::new();
        for (index, question) in batch.iter().enumerate() {
            if let Some(source) = method(index, &question.expression) {
                self.write(&format!("c{index}.cs"), &source)?;
            } else {
                let message = "not an expression".to_owned();
                refused.insert(index, Refusal { line: 1, column: 1, message });
            }
        }
        for _ in 0..ATTEMPTS {
            self.write_table(batch.len(), &refused)?;
            let output = self.compile(&[
                "-r:oracle.dll".to_owned(),
                "-out:batch.exe".to_owned(),
                "@sources.rsp".to_owned(),
            ])?;
            if output.is_empty() {
                return Ok(refused);
            }
            let mut found: BTreeMap<usize, Refusal> = BTreeMap::new();
            for (index, mut refusal) in output.lines().filter_map(compile_error) {
                let is_block =
                    batch.get(index).is_some_and(|asked| asked.expression.starts_with("@{"));
                if refusal.line == 1 {
                    // The compiler saw other text before the bracket: none for a block.
                    let before = if is_block { 0 } else { RETURN.len() };
                    refusal.column = (refusal.column + 1).saturating_sub(before);
                }
                let first = found.entry(index).or_insert_with(|| refusal.clone());
                if (refusal.line, refusal.column) < (first.line, first.column) {
                    *first = refusal;
                }
            }
            if found.is_empty() {
                return Err(format!("the compiler failed:\n{output}"));
            }
            refused.extend(found);
        }
        Err("the compiler refuses too much".to_owned())
    }

    /// Writes the table of the methods that are not refused, and the list of their files.
    fn write_table(&self, n: usize, refused: &BTreeMap<usize, Refusal>) -> Result<(), String> {
        let methods: Vec<String> = (0..n)
            .map(|n| if refused.contains_key(&n) { "null".to_owned() } else { format!("F{n}") })
            .collect();
        let table = format!(
            "{USINGS}static partial class Batch{{\
             static readonly Func<IContext,object>[] All={{{}}};\
             static void Main(string[] args){{OracleRunner.Run(All,args);}}}}",
            methods.join(",")
        );
        let left = (0..n).filter(|index| !refused.contains_key(index));
        let list: Vec<String> = left.map(|index| format!("c{index}.cs")).collect();
        self.write("main.cs", &table)?;
        self.write("sources.rsp", &format!("main.cs\n{}\n", list.join("\n")))
    }

    /// Runs a batch, going on behind an expression that takes the process with it.
    fn run_batch(&self, n: usize, answers: &mut BTreeMap<usize, Json>) -> Result<(), String> {
        let mut next = 0;
        while let Some(from) = (next..n).find(|index| !answers.contains_key(index)) {
            let done = self.dotnet("batch", &["contexts.txt".to_owned(), from.to_string()])?;
            for line in String::from_utf8_lossy(&done.stdout).split('\n') {
                let answer = line.split_once('\t').and_then(|(index, answer)| {
                    Some((index.parse().ok()?, serde_json::from_str(answer).ok()?))
                });
                if let Some((index, answer)) = answer {
                    answers.insert(index, answer);
                }
            }
            next = (from..n).find(|index| !answers.contains_key(index)).unwrap_or(n);
            if next < n {
                let why =
                    if done.status.code() == Some(9) { "does not end" } else { "the process died" };
                answers.insert(next, json!({ "crash": why }));
            }
        }
        Ok(())
    }

    fn write(&self, name: &str, text: &str) -> Result<(), String> {
        fs::write(self.run.join(name), text).map_err(|error| format!("`{name}`: {error}"))
    }

    /// What the compiler says; nothing when it is content.
    fn compile(&self, arguments: &[String]) -> Result<String, String> {
        let shared = self.install.join("dotnet/shared/Microsoft.NETCore.App");
        let framework = newest(&shared)?;
        let mut command = self.runtime();
        command.arg(self.install.join("roslyn/csc.dll")).args([
            "-nologo",
            "-langversion:7.3",
            "-nostdlib",
            "-noconfig",
            "-warn:0",
            "-r:Newtonsoft.Json.dll",
        ]);
        for file in entries(&framework)? {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let managed =
                name.starts_with("System") || name == "netstandard.dll" || name == "mscorlib.dll";
            if managed && name.to_ascii_lowercase().ends_with(".dll") {
                command.arg(format!("-r:{}", file.display()));
            }
        }
        let done = command
            .args(arguments)
            .current_dir(&self.run)
            .output()
            .map_err(|error| format!("csc: {error}"))?;
        if done.status.success() {
            return Ok(String::new());
        }
        let text = [done.stdout, done.stderr].concat();
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    fn dotnet(&self, name: &str, arguments: &[String]) -> Result<std::process::Output, String> {
        let options = json!({ "runtimeOptions": {
            "framework": { "name": "Microsoft.NETCore.App", "version": "3.1.0" },
        }});
        self.write(&format!("{name}.runtimeconfig.json"), &options.to_string())?;
        self.runtime()
            .arg(format!("{name}.exe"))
            .args(arguments)
            .current_dir(&self.run)
            .output()
            .map_err(|error| format!("dotnet: {error}"))
    }

    fn runtime(&self) -> Command {
        let mut command = Command::new(self.install.join("dotnet/dotnet"));
        command
            .arg("exec")
            .env("TZ", "")
            .env("DOTNET_CLI_TELEMETRY_OPTOUT", "1")
            .env("LD_LIBRARY_PATH", self.install.join("lib"))
            .env("CLR_ICU_VERSION_OVERRIDE", icu())
            .env_remove("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT");
        command
    }
}

impl Drop for CSharp {
    fn drop(&mut self) {
        let _left = fs::remove_dir_all(&self.run);
    }
}

/// The version of the system's ICU, which this runtime is too old to look for.
fn icu() -> String {
    let folders =
        ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
    let files = folders.iter().filter_map(|folder| entries(Path::new(folder)).ok()).flatten();
    let versions = files.filter_map(|file| {
        let name = file.file_name()?.to_str()?.strip_prefix("libicuuc.so.")?.to_owned();
        name.contains('.').then_some(name)
    });
    versions.max().unwrap_or_default()
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let read = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut all: Vec<PathBuf> = read.filter_map(|entry| Some(entry.ok()?.path())).collect();
    all.sort();
    Ok(all)
}

fn newest(folder: &Path) -> Result<PathBuf, String> {
    entries(folder)?.pop().ok_or_else(|| format!("nothing in {}", folder.display()))
}

/// What stands before the bracket of an `@(…)`.
const RETURN: &str = "{return (object)";

/// The method of an expression.
fn method(index: usize, expression: &str) -> Option<String> {
    let body = match expression.trim().strip_prefix('@')? {
        inner if inner.starts_with('(') && inner.ends_with(')') => {
            format!("{RETURN}{inner}\n;}}")
        }
        block if block.starts_with('{') && block.ends_with('}') => block.to_owned(),
        _ => return None,
    };
    Some(format!(
        "{USINGS}static partial class Batch{{static object F{index}(IContext context)\n#line 1 \"c{index}\"\n{body}\n}}\n"
    ))
}

/// What the compiler says to an expression that it refuses.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    /// From 1, in the expression.
    pub(crate) line: usize,
    /// From 1.
    pub(crate) column: usize,
    pub(crate) message: String,
}

/// The number of the expression and the refusal of a line such as `c17(1,9): error CS0103: The name …`.
fn compile_error(line: &str) -> Option<(usize, Refusal)> {
    let (place, message) = line.split_once(": error ")?;
    let (name, place) = place.rsplit(['/', '\\']).next()?.strip_prefix('c')?.split_once('(')?;
    let (line, column) = place.strip_suffix(')')?.split_once(',')?;
    let refusal = Refusal {
        line: line.parse().ok()?,
        column: column.parse().ok()?,
        message: message.to_owned(),
    };
    let digits: String = name.chars().take_while(char::is_ascii_digit).collect();
    Some((digits.parse().ok()?, refusal))
}
