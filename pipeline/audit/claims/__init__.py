"""What the events of a proof say, verified anew: who wrote the record, who decided, under which policy.

Every claim is *proven*, by a signature that anybody can check with keys that the proof's sealed events name, or
*attested*: a worker or a broker says so. What should hold and does not raises NotProvenError.
"""
