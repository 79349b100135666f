"""The evidence pack: what the audit shows for each PCI DSS requirement that Panlock bears on, to be checked offline."""
