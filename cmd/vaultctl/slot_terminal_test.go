//go:build linux

package main

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Recovery words are shown once, and kept only if two of them are typed back.
func TestRecoveryWordsAreTypedBack(t *testing.T) {
	env := machine(t)
	s := onTerminal(t, env, "init", "--iterations", "600000")
	s.secret("Password: ", "correct horse")
	s.secret("Password again: ", "correct horse")
	s.ends(0)

	s = onTerminal(t, env, "slot", "add", "recovery")
	s.secret("Password: ", "correct horse")
	words := s.words()
	for range 2 {
		s.typed(strings.ToUpper(words[s.asked()-1]) + "\n")
	}
	s.expect("key slot recovery is added")
	s.ends(0)

	s = onTerminal(t, env, "slot", "add", "recovery")
	s.secret("Password: ", "correct horse")
	s.words()
	for range 3 {
		s.asked()
		s.typed("nonsense\n")
	}
	s.expect("not confirmed")
	s.ends(2)

	s = onTerminal(t, env, "slot", "list")
	s.expect("recovery")
	s.ends(0)
	if all := s.all(); strings.Contains(all, "recovery-2") {
		t.Errorf("words that nobody has open the vault:\n%s", all)
	}

	s = onTerminal(t, env, "seal")
	s.ends(0)
	s = onTerminal(t, env, "unseal", "--recovery")
	s.secret("Recovery words: ", strings.Join(words, " "))
	s.expect("The vault is unsealed.")
	s.ends(0)
}

// words are those on the terminal.
func (s *session) words() (words []string) {
	s.t.Helper()
	s.expect("They are not shown again.")
	from := s.from
	s.expect("24. ")
	s.expect("\n")
	for _, m := range regexp.MustCompile(`\d+\. ([a-z]+)`).FindAllStringSubmatch(s.all()[from:], -1) {
		words = append(words, m[1])
	}
	if len(words) != 24 {
		s.t.Fatalf("%d words:\n%s", len(words), s.all())
	}
	return words
}

// asked is the number of the word that is asked for.
func (s *session) asked() int {
	s.t.Helper()
	s.expect("Type word ")
	from := s.from
	s.expect(": ")
	number, _, _ := strings.Cut(s.all()[from:], ":")
	n, err := strconv.Atoi(number)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}
