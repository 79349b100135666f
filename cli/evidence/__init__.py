"""`panlock evidence`: what the audit shows for each PCI DSS requirement, as files that can be checked offline."""
