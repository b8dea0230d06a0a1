//! Switchboard as a whole. One file per topic; the names of the tests are sentences about behaviour.

mod chat;
