-- Which rows of the log lie between two moments. Moments need not rise with the numbers.
CREATE INDEX log_by_time ON log (at, seq);
