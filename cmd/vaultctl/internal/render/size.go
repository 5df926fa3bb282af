package render

import "fmt"

// Size is a number of bytes for people, in the largest binary unit that leaves
// at least one.
func Size(n uint64) string {
	if n < 1<<10 {
		return fmt.Sprintf("%d bytes", n)
	}
	value, units := float64(n)/(1<<10), []string{"KiB", "MiB", "GiB", "TiB"}
	for value >= 1<<10 && len(units) > 1 {
		value, units = value/(1<<10), units[1:]
	}
	return fmt.Sprintf("%.1f %s", value, units[0])
}
