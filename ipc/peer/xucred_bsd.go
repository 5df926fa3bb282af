//go:build darwin || freebsd

package peer

import "fmt"

// fromXucred reads struct xucred, whose first group is the effective one.
func fromXucred(uid uint32, n int, groups []uint32) (*Credentials, error) {
	if n < 1 || n > len(groups) {
		return nil, fmt.Errorf("xucred with %d groups: %w", n, ErrForeign)
	}
	c := &Credentials{UID: uid, GID: groups[0]}
	c.Groups = append(c.Groups, groups[1:n]...)
	return c, nil
}
