"""OpenID Connect issuers, from a worker's and a person's side: what they publish, fetched with care."""
