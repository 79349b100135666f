"""Where a worker's keys come from: key services over the network, and files and variables for development."""
