//! A whole cluster of state machines under virtual time (see the helper branch).
