//! Every directive once: name, type, default, bounds, and what it means; reading and rewriting redis.conf.
