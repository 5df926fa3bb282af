package store

// visit shows every live record of a journal that verified to Visit.
func (c *checker) visit(x *index, at survey) error {
	if c.o.Visit == nil {
		return nil
	}
	sealer := newSealer(c.ring.keys, c.ring.term, c.o.VaultID)
	aead := newAEAD(c.ring.keys.journal)
	_, err := walker{frame: func(before chain, offset int64, frame []byte) error {
		p, err := openFrame(aead, before, frame)
		if err != nil {
			return corrupt(at.file, "frame at byte %d: %v", offset, err)
		}
		for _, o := range p.ops {
			if e, _, err := parseEntry(o.sealed); err != nil || x.entries[o.name] != e {
				continue // superseded
			}
			if err := c.show(sealer, o.name, o.sealed); err != nil {
				return err
			}
		}
		return nil
	}}.walk(c.o.Dir, at.file)
	return c.noteCorrupt(err)
}

// visitEngine is visit for Badger's copy, when that is the one that verified.
func (c *checker) visitEngine(e *engine) error {
	if c.o.Visit == nil {
		return nil
	}
	sealer := newSealer(c.ring.keys, c.ring.term, c.o.VaultID)
	return e.scan(1, func(_ int, n name, sealed []byte) error {
		if n == stateName {
			return nil
		}
		return c.show(sealer, n, sealed)
	})
}

// show opens one record and shows it to Visit if it is live.
func (c *checker) show(s *sealer, n name, sealed []byte) error {
	rec, e, err := s.open(nil, n, sealed)
	if err != nil {
		return corrupt(dbName(c.ring.generation), "record %x: %v", n, err)
	}
	if e.status != statusLive {
		return nil
	}
	return c.o.Visit(rec)
}
