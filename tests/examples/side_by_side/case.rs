//! A command line, and the words in it that stand for servers.

/// A command line with the script of the peer that it names by `{peer}`.
pub(super) struct Case {
    /// The arguments. `'…'` keeps spaces together.
    pub(super) line: &'static str,
    /// The responses of the scripted peer, one for each connection.
    pub(super) script: &'static [&'static str],
}

impl Case {
    /// Returns the arguments as they are typed.
    pub(super) fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        let mut word: Option<String> = None;
        let mut quoted = false;
        for letter in self.line.chars() {
            match letter {
                '\'' => {
                    quoted = !quoted;
                    word.get_or_insert_default();
                }
                ' ' | '\n' if !quoted => words.extend(word.take()),
                letter => word.get_or_insert_default().push(letter),
            }
        }
        words.extend(word);
        words
    }
}
