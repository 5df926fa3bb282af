package config

// nearest is the name with the smallest edit distance to word, if that is near
// enough to be a slip of the finger.
func nearest(word string, names []string) (string, bool) {
	best, at := max(2, len(word)/3)+1, -1
	for i, name := range names {
		if len(word) > 2*len(name)+4 {
			continue // not worth the quadratic time: a file may hold a key of any length
		}
		if d := distance(word, name); d < best {
			best, at = d, i
		}
	}
	if at < 0 {
		return "", false
	}
	return names[at], true
}

// distance is the Levenshtein distance, in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			swap := diagonal
			if a[i] != b[j] {
				swap++
			}
			diagonal = row[j+1]
			row[j+1] = min(swap, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
