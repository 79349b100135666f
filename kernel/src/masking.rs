//! A flow's field rules and scan, compiled, and what they do to the parts of a record.

use std::sync::Arc;

use crate::automaton::{Automaton, State};
use crate::config::{Class, Config, Domain, Field, Format, Strategy};
use crate::encrypt::Encryption;
use crate::fpe::Fpe;
use crate::keyring::Keyring;
use crate::path::Path;
use crate::strategy::Treatment;
use crate::text::Treatments;
use crate::token::Tokens;

/// What is to be masked, compiled.
pub struct Masking {
    pub automaton: Automaton,
    /// what each rule that masks does, in the automaton's numbering, where the allow-list follows them, and what is
    /// declared without being masked follows that
    pub rules: Vec<Treatment>,
    /// how many paths the allow-list has
    allowed: usize,
    /// whether what no rule declares rejects the record
    pub closed: bool,
    pub scan: Scan,
}

/// What is done to what the scan finds; None: not looked for.
pub struct Scan {
    pub pan: Treatment,
    pub sad: Option<Treatment>,
    pub iban: Option<Treatment>,
    /// card numbers in the record key
    pub key: Treatment,
}

impl Scan {
    pub fn treatments(&self) -> Treatments<'_> {
        Treatments { pan: &self.pan, sad: self.sad.as_ref(), iban: self.iban.as_ref() }
    }
}

impl Masking {
    pub fn compile(config: &Config, keyring: &Keyring) -> Result<Self, String> {
        let mut fields: Vec<_> = config.fields.iter().collect();
        // where two rules lead to one place, sensitive authentication data wins, a declaration loses, and else the
        // order of the policy counts
        fields.sort_by_key(|field| match field.class {
            Class::Sad => 0,
            Class::Clear => 2,
            _ => 1,
        });
        let compiler = Compiler { config, keyring: Arc::new(keyring.clone()) };
        let treatments = fields.iter().map(|field| compiler.field(field)).collect::<Result<Vec<_>, _>>()?;
        let rules: Vec<_> = treatments.into_iter().take_while(|treatment| treatment.class != Class::Clear).collect();
        let (masked, clear) = fields.split_at(rules.len());
        let of = |fields: &[&'_ Field]| fields.iter().map(|field| field.path.clone()).collect::<Vec<_>>();
        let texts = [of(masked), config.allow.clone(), of(clear)].concat();
        let paths = texts.iter().map(|path| Path::parse(path)).collect::<Result<Vec<_>, _>>()?;
        let automaton = match config.format {
            Format::Xml => Automaton::compile_repeating(paths)?,
            Format::Json => Automaton::compile(&paths)?,
        };
        Ok(Self { automaton, rules, allowed: config.allow.len(), closed: config.closed, scan: compiler.scan()? })
    }

    pub fn rule(&self, state: State) -> Rule<'_> {
        match self.automaton.rule(state) {
            None => Rule::Undeclared,
            Some(rule) if rule < self.rules.len() => Rule::Mask(&self.rules[rule]),
            Some(rule) if rule < self.rules.len() + self.allowed => Rule::Allow,
            Some(_) => Rule::Declared,
        }
    }
}

/// What the policy says of a place.
#[derive(Clone, Copy)]
pub enum Rule<'a> {
    Mask(&'a Treatment),
    /// the scan leaves it alone
    Allow,
    /// left to the scan
    Declared,
    Undeclared,
}

impl Masking {
    /// The class and text of a value that one of the flow's rules has encrypted; None where none did.
    pub fn reveal(&self, encrypted: &[u8]) -> Option<(Class, Vec<u8>)> {
        let found = [Some(&self.scan.pan), self.scan.iban.as_ref()];
        let mut treatments = self.rules.iter().chain(found.into_iter().flatten());
        treatments.find_map(|treatment| Some((treatment.class, treatment.decrypt(encrypted)?)))
    }
}

struct Compiler<'a> {
    config: &'a Config,
    keyring: Arc<Keyring>,
}

impl Compiler<'_> {
    fn field(&self, field: &Field) -> Result<Treatment, String> {
        let strategy = match (field.class, field.strategy) {
            (Class::Clear, None) => Strategy::Redact, // never carried out
            (Class::Clear, Some(_)) => return Err(format!("{}: class clear takes no strategy", field.path)),
            (_, Some(strategy)) => strategy,
            (_, None) => return Err(format!("{}: the strategy is missing", field.path)),
        };
        let fallback = field.fallback.unwrap_or(Strategy::Redact);
        self.treatment(field.class, strategy, fallback, &field.domain)
            .map(|treatment| Treatment { joined: field.joined, ..treatment })
            .map_err(|what| format!("{}: {what}", field.path))
    }

    fn scan(&self) -> Result<Scan, String> {
        let scan = &self.config.scan;
        let treatment = |class, strategy, fallback| {
            self.treatment(class, strategy, fallback, &scan.domain).map_err(|what| format!("scan: {what}"))
        };
        if !matches!(scan.key, Strategy::Token | Strategy::Fpe) {
            return Err("scan: a record key takes token or fpe: anything shorter would merge different keys".into());
        }
        Ok(Scan {
            pan: treatment(Class::Pan, scan.pan, Strategy::Redact)?,
            sad: scan.sad.map(|strategy| treatment(Class::Sad, strategy, Strategy::Redact)).transpose()?,
            iban: scan.iban.map(|strategy| treatment(Class::Iban, strategy, Strategy::Redact)).transpose()?,
            key: treatment(Class::Pan, scan.key, Strategy::Token)?,
        })
    }

    fn treatment(
        &self,
        class: Class,
        strategy: Strategy,
        fallback: Strategy,
        domain: &str,
    ) -> Result<Treatment, String> {
        let keeps = |strategy| !matches!(strategy, Strategy::Drop | Strategy::Redact);
        if class == Class::Sad && (keeps(strategy) || keeps(fallback)) {
            return Err("class sad is never kept in any form (PCI DSS 3.3.1): use drop or redact".into());
        }
        if fallback == Strategy::Fpe {
            return Err("fallback: fpe cannot stand in for itself".into());
        }
        let (key, keyring) = (self.key(domain)?, &self.keyring);
        let takes = |wanted| strategy == wanted || fallback == wanted;
        let tokens = takes(Strategy::Token).then(|| self.tokens(key, domain, class)).transpose()?;
        let fpe = takes(Strategy::Fpe).then(|| Fpe::new(keyring, key, domain, class)).transpose()?;
        let encryption = takes(Strategy::Encrypt)
            .then(|| Encryption::new(keyring, key, domain, &self.config.flow, class))
            .transpose()?;
        Ok(Treatment {
            class,
            strategy,
            fallback,
            truncation: self.config.truncation,
            joined: false,
            key: key.into(),
            tokens,
            fpe: fpe.map(Arc::new),
            encryption: encryption.map(Arc::new),
            keyring: self.keyring.clone(),
        })
    }

    fn tokens(&self, key: &str, domain: &str, class: Class) -> Result<Tokens, String> {
        let tokens = Tokens::new(&self.keyring, key, domain, class)?;
        match self.config.domains.get(domain) {
            Some(Domain { dual: true, previous: Some(previous), .. }) => {
                Ok(tokens.beside(Tokens::new(&self.keyring, previous, domain, class)?))
            }
            Some(Domain { dual: true, .. }) => Err(format!("token domain {domain:?} is dual without a previous key")),
            _ => Ok(tokens),
        }
    }

    /// Id of the key that a domain works with.
    fn key<'a>(&'a self, domain: &str) -> Result<&'a str, String> {
        match self.config.domains.get(domain) {
            Some(Domain { previous: Some(previous), .. }) if !self.keyring.knows(previous.as_bytes()) => Err(format!(
                "token domain {domain:?}: key {previous:?} is not among the worker's keys: its tokens would be masked again"
            )),
            Some(Domain { key, .. }) => Ok(key),
            None if domain == crate::config::DEFAULT_DOMAIN => Ok(self.keyring.active()),
            None => Err(format!("token domain {domain:?} is not declared")),
        }
    }
}
