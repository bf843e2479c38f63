//! Programs as a new user writes them: the first lines of the documentation, and nothing else. Each
//! compiles and runs as it stands here, so that what a beginner types keeps working.

mod handlers;
