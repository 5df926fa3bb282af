// Package quota bounds how much one principal can ask for: a rate of requests,
// and a back-off for whatever checks a password. Both use bounded memory, and
// neither has a clock of its own: the caller says what time it is.
package quota
