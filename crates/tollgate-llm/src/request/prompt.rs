//! The text of a prompt: for embeddings of a semantic cache, for checks of its content, for logs.

use std::borrow::Cow;

use super::LlmRequest;
use super::pieces::{Piece, walk};

/// Who a message is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The application: `system`, `developer`, Responses' `instructions`, the `system` of Anthropic and Google.
    System,
    /// The user, and every role that is not known.
    User,
    /// The model: `assistant`, `model`.
    Assistant,
    /// What a tool answered: `tool`, `function`.
    Tool,
}

impl Role {
    pub(super) fn of_name(name: &str) -> Self {
        match name {
            "system" | "developer" => Self::System,
            "assistant" | "model" => Self::Assistant,
            "tool" | "function" => Self::Tool,
            _ => Self::User,
        }
    }
}

/// One message of a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptMessage<'a> {
    /// Who it is from.
    pub role: Role,
    /// All its text in the order of the body, parts on lines of their own: also arguments of calls and what tools answered.
    pub text: Cow<'a, str>,
}

/// The text of a prompt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prompt<'a> {
    /// The messages in the order of the body. What has no messages (completions, embeddings) is one of the user.
    pub messages: Vec<PromptMessage<'a>>,
    /// Whether there is more than the text: images, audio, files, tokens. Then the same text can mean another question.
    pub has_other_content: bool,
    /// Whether some of its text comes as tokens, which nobody but the model reads.
    pub has_tokens: bool,
    /// Whether there are tools or a schema for the answer, without which the same question has another answer.
    pub has_tools: bool,
}

/// What becomes of system messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemMessages {
    /// They are part of the text.
    Include,
    /// They are left out.
    Ignore,
}

impl<'a> LlmRequest<'a> {
    /// The text of the prompt.
    pub fn prompt(&self) -> Prompt<'a> {
        let mut prompt = Prompt::default();
        walk(self.api, self.root, &mut |piece| prompt.take(piece));
        prompt
    }
}

impl<'a> Prompt<'a> {
    fn take(&mut self, piece: Piece<'a>) {
        match piece {
            Piece::Message(role, _) => {
                self.messages.push(PromptMessage { role, text: Cow::Borrowed("") });
            }
            Piece::Text(text) | Piece::Data(text) => self.add(text),
            Piece::Name(_) => {}
            Piece::Image { .. } | Piece::Other => self.has_other_content = true,
            Piece::Tokens(_) => (self.has_other_content, self.has_tokens) = (true, true),
            Piece::Tools(_) | Piece::Schema(_) => self.has_tools = true,
        }
    }

    fn add(&mut self, text: Cow<'a, str>) {
        match self.messages.last_mut() {
            Some(message) if message.text.is_empty() => message.text = text,
            Some(message) => {
                let all = message.text.to_mut();
                all.push('\n');
                all.push_str(&text);
            }
            None => self.messages.push(PromptMessage { role: Role::User, text }),
        }
    }

    /// How many messages there are besides system messages.
    pub fn n_dialog_messages(&self) -> usize {
        self.messages.iter().filter(|message| message.role != Role::System).count()
    }

    /// The text of all messages, one after the other.
    pub fn text(&self, system: SystemMessages) -> String {
        let wanted = self.messages.iter().filter(|message| {
            !message.text.is_empty()
                && (system == SystemMessages::Include || message.role != Role::System)
        });
        wanted.map(|message| &*message.text).collect::<Vec<_>>().join("\n")
    }
}
