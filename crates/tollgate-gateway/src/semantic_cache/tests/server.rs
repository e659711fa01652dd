//! A server that speaks RESP, knows the scripts of the semantic cache by their text, and, if it is told to, `RediSearch`. It is
//! strict: whatever is not written as Redis wants it is an error.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A command: its parts, as bytes.
pub(super) type Command = Vec<Vec<u8>>;

#[derive(Default)]
pub(super) struct State {
    pub(super) hashes: BTreeMap<String, HashMap<String, Vec<u8>>>,
    /// Indexes by partition: mark and number, in order.
    pub(super) numbered: HashMap<String, Vec<(u64, String)>>,
    /// Whether it has `RediSearch`.
    pub(super) has_search: bool,
    /// Whether it lets nobody make one.
    pub(super) refuses_indexes: bool,
    /// Indexes of `RediSearch`: prefix and dimensions.
    pub(super) indexes: BTreeMap<String, (String, usize)>,
    /// Scripts that it has been taught.
    scripts: Vec<String>,
    /// Names of the commands so far.
    pub(super) commands: Vec<String>,
    /// Whom it must not be asked for again.
    pub(super) is_gone: bool,
    number: u64,
}

pub(super) struct FakeRedis {
    pub(super) address: SocketAddr,
    pub(super) state: Arc<Mutex<State>>,
    _tasks: JoinSet<()>,
}

impl FakeRedis {
    pub(super) async fn start(has_search: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State { has_search, ..State::default() }));
        let mut tasks = JoinSet::new();
        let shared = Arc::clone(&state);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { address, state, _tasks: tasks }
    }

    /// How often a command was sent.
    pub(super) fn count(&self, name: &str) -> usize {
        self.state.lock().commands.iter().filter(|known| *known == name).count()
    }
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut read = Vec::new();
    let mut buffer = vec![0; 1 << 16];
    while let Ok(n @ 1..) = stream.read(&mut buffer).await {
        read.extend_from_slice(&buffer[..n]);
        while let Some((command, used)) = parse(&read) {
            read.drain(..used);
            let answer = state.lock().respond(&command);
            let answer = answer.unwrap_or_else(|why| format!("-{why}\r\n").into_bytes());
            stream.write_all(&answer).await.unwrap();
        }
    }
}

fn parse(bytes: &[u8]) -> Option<(Command, usize)> {
    let line = |at: usize| {
        let end = at + bytes.get(at..)?.windows(2).position(|pair| pair == b"\r\n")?;
        Some((std::str::from_utf8(&bytes[at + 1..end]).unwrap().parse::<usize>().unwrap(), end + 2))
    };
    let (n, mut at) = line(0)?;
    let mut parts = Vec::new();
    for _ in 0..n {
        let (length, begin) = line(at)?;
        parts.push(bytes.get(begin..begin + length)?.to_vec());
        at = begin + length + 2;
    }
    (at <= bytes.len()).then_some((parts, at))
}

fn text(part: &[u8]) -> String {
    String::from_utf8_lossy(part).into_owned()
}

fn bulk(bytes: &[u8]) -> Vec<u8> {
    let mut out = format!("${}\r\n", bytes.len()).into_bytes();
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
    out
}

fn array(items: &[Vec<u8>]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", items.len()).into_bytes();
    for item in items {
        out.extend_from_slice(item);
    }
    out
}

fn numbers(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

type Reply = Result<Vec<u8>, String>;

impl State {
    fn respond(&mut self, command: &Command) -> Reply {
        let words: Vec<String> = command.iter().map(|part| text(part)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.commands.push(words[0].to_owned());
        match words[..] {
            ["PING"] => Ok(b"+PONG\r\n".to_vec()),
            ["CLIENT" | "SELECT" | "AUTH", ..] => Ok(b"+OK\r\n".to_vec()),
            ["SCRIPT", "LOAD", script] => {
                self.scripts.push(script.to_owned());
                Ok(b"+OK\r\n".to_vec())
            }
            ["EVALSHA", _, "2", ..] => self.keep(command),
            ["EVALSHA", _, "1", index, seen, most, prefix] => self.read(index, seen, most, prefix),
            ["HMGET", key, "v", "a"] => {
                let hash = self.hashes.get(key);
                let field = |name: &str| match hash.and_then(|hash| hash.get(name)) {
                    Some(value) => bulk(value),
                    None => b"$-1\r\n".to_vec(),
                };
                Ok(array(&[field("v"), field("a")]))
            }
            ["MODULE", "LIST"] if self.has_search => {
                let module =
                    array(&[bulk(b"name"), bulk(b"search"), bulk(b"ver"), b":21005\r\n".to_vec()]);
                Ok(array(&[module]))
            }
            ["MODULE", "LIST"] => Ok(array(&[])),
            ["FT._LIST"] if self.has_search => {
                let names: Vec<_> = self.indexes.keys().map(|name| bulk(name.as_bytes())).collect();
                Ok(array(&names))
            }
            ["FT.CREATE", ..] if self.refuses_indexes => Err("NOPERM no permissions".to_owned()),
            ["FT.CREATE", name, ref rest @ ..] if self.has_search => self.create(name, rest),
            ["FT.SEARCH", name, ref rest @ ..] if self.has_search => {
                self.search(name, rest, command.get(6).ok_or("no parameter")?)
            }
            [name, ..] => Err(format!("ERR unknown command '{name}'")),
            [] => Err("ERR nothing".to_owned()),
        }
    }

    /// As `keep.lua`.
    fn keep(&mut self, command: &Command) -> Reply {
        let taught = self.scripts.iter().any(|script| script.contains("HSET"));
        if !taught {
            return Err("NOSCRIPT No matching script.".to_owned());
        }
        let [_, _, _, index, entry, mark, partition, embedding, answer, ms, most, prefix] =
            &command[..]
        else {
            return Err("ERR wrong number of arguments".to_owned());
        };
        assert!(text(ms).parse::<u64>().unwrap() > 0);
        assert_eq!(text(entry), format!("{}{}", text(prefix), text(mark)));
        self.number += 1;
        let numbered = self.numbered.entry(text(index)).or_default();
        numbered.retain(|(_, known)| *known != text(mark));
        numbered.push((self.number, text(mark)));
        let most: usize = text(most).parse().unwrap();
        let hash = HashMap::from([
            ("p".to_owned(), partition.clone()),
            ("v".to_owned(), embedding.clone()),
            ("a".to_owned(), answer.clone()),
        ]);
        self.hashes.insert(text(entry), hash);
        while numbered.len() > most {
            let (_, old) = numbered.remove(0);
            self.hashes.remove(&format!("{}{old}", text(prefix)));
        }
        Ok(b":1\r\n".to_vec())
    }

    /// As `read.lua`.
    fn read(&mut self, index: &str, seen: &str, most: &str, prefix: &str) -> Reply {
        let taught = self.scripts.iter().any(|script| script.contains("ZRANGEBYSCORE"));
        if !taught {
            return Err("NOSCRIPT No matching script.".to_owned());
        }
        let (seen, most): (u64, usize) = (seen.parse().unwrap(), most.parse().unwrap());
        let numbered = self.numbered.get(index).map(Vec::as_slice).unwrap_or_default();
        let new = numbered.iter().filter(|(number, _)| *number > seen).take(most);
        let entries: Vec<_> = new
            .map(|(number, mark)| {
                let hash = self.hashes.get(&format!("{prefix}{mark}"));
                let embedding = hash.and_then(|hash| hash.get("v")).cloned();
                let left = if embedding.is_some() { 60_000 } else { 0 };
                array(&[
                    bulk(number.to_string().as_bytes()),
                    bulk(mark.as_bytes()),
                    format!(":{left}\r\n").into_bytes(),
                    bulk(&embedding.unwrap_or_default()),
                ])
            })
            .collect();
        Ok(array(&entries))
    }

    fn create(&mut self, name: &str, rest: &[&str]) -> Reply {
        let [
            "ON",
            "HASH",
            "PREFIX",
            "1",
            prefix,
            "SCHEMA",
            "p",
            "TAG",
            "v",
            "VECTOR",
            "FLAT",
            "6",
            "TYPE",
            "FLOAT32",
            "DIM",
            dimensions,
            "DISTANCE_METRIC",
            "COSINE",
        ] = rest
        else {
            return Err(format!("ERR bad arguments: {rest:?}"));
        };
        if self.indexes.contains_key(name) {
            return Err("Index already exists".to_owned());
        }
        let dimensions = dimensions.parse().map_err(|_| "Invalid DIM".to_owned())?;
        self.indexes.insert(name.to_owned(), ((*prefix).to_owned(), dimensions));
        Ok(b"+OK\r\n".to_vec())
    }

    fn search(&mut self, name: &str, rest: &[&str], parameter: &[u8]) -> Reply {
        let [
            query,
            "PARAMS",
            "2",
            "q",
            _,
            "SORTBY",
            "d",
            "ASC",
            "RETURN",
            "1",
            "d",
            "LIMIT",
            "0",
            "1",
            "DIALECT",
            "2",
        ] = rest
        else {
            return Err(format!("ERR bad arguments: {rest:?}"));
        };
        let (prefix, dimensions) =
            self.indexes.get(name).ok_or_else(|| format!("{name}: no such index"))?;
        let asked = numbers(parameter);
        if asked.len() != *dimensions || parameter.len() != dimensions * 4 {
            return Err("query vector blob size does not match index's expected size".to_owned());
        }
        let tag =
            query.strip_prefix("(@p:{").and_then(|it| it.strip_suffix("})=>[KNN 1 @v $q AS d]"));
        let tag = tag.ok_or("Syntax error")?;
        if !tag.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err("Syntax error in the tag".to_owned());
        }
        let within = self.hashes.iter().filter(|(key, hash)| {
            key.starts_with(prefix) && hash.get("p").is_some_and(|it| it == tag.as_bytes())
        });
        let distance = |hash: &HashMap<String, Vec<u8>>| {
            let known = numbers(&hash["v"]);
            let cosine: f32 = known.iter().zip(&asked).map(|(a, b)| a * b).sum();
            1.0 - cosine
        };
        let nearest = within.min_by(|(_, a), (_, b)| distance(a).total_cmp(&distance(b)));
        let Some((key, hash)) = nearest else { return Ok(array(&[b":0\r\n".to_vec()])) };
        let fields = array(&[bulk(b"d"), bulk(distance(hash).to_string().as_bytes())]);
        let reply = array(&[b":1\r\n".to_vec(), bulk(key.as_bytes()), fields]);
        if self.is_gone {
            self.hashes.clear();
        }
        Ok(reply)
    }
}
