package audit

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// join puts the lines of all segments in order, and says where they aren't.
func (v *verification) join(segments []segment, scans []scan) {
	next, gap := int64(0), false
	leaves := storedLeaves(int64(len(v.stored)))
	for i, s := range segments {
		v.report.Segments++
		if s.first != next {
			what := fmt.Sprintf("begins with record %d, but record %d is next", s.first, next)
			if s.first > next {
				what = fmt.Sprintf("records %d to %d are missing before this file", next, s.first-1)
			}
			v.problem(min(next, s.first), s.name, what)
			gap = true
			next = max(next, s.first)
		}
		for _, c := range scans[i].chunks {
			v.report.Bytes += c.bytes
			for k, seq := range c.seqs {
				v.report.Records++
				switch {
				case seq == next:
				case seq < 0:
					v.problem(next, s.name, "not a record")
					gap = true
				case seq > next:
					what := fmt.Sprintf("record %d stands in its place", seq)
					if seq-next > 1 {
						what = fmt.Sprintf("record %d stands here; %d are missing", seq, seq-next)
					}
					v.problem(next, s.name, what)
					gap = true
					next = seq
				default:
					v.problem(next, s.name, fmt.Sprintf("record %d stands in its place", seq))
					gap = true
					continue
				}
				if !gap {
					v.tree.add(c.hashes[k], s.name)
				}
				if next < leaves && string(c.hashes[k][:]) != string(storedHash(v.stored, leafIndex(next))) {
					v.differ = append(v.differ, next)
				}
				next++
			}
		}
		if torn := scans[i].torn; torn > 0 && i < len(segments)-1 {
			v.problem(next, s.name, "the last line has no end")
		} else {
			v.report.TornBytes += torn
		}
		if err := scans[i].err; err != nil {
			v.problem(next, s.name, err.Error())
			gap = true
		}
	}
	v.ends = next
}

func storedHash(stored []byte, index int64) []byte {
	return stored[index*tlog.HashSize : (index+1)*tlog.HashSize]
}
