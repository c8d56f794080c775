//! Many solves and what they say together: along a parameter, over a plane of parameters, from many starts.

pub mod curve;
pub mod landscape;
pub mod phase;
