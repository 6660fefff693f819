//! For tests: real servers on free ports, a client, the oracle, faults.
