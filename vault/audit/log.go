package audit

import (
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Options of a log. The zero value is usable.
type Options struct {
	// SegmentSize is the size at which a new segment begins. 0: 64 MiB.
	SegmentSize int64
	// Compress makes gzip files of segments that are complete.
	Compress bool
	// Interval and FlushRecords say when hot records are written and synced:
	// so long after the first of them, or when there are so many. 0: 50 ms, 2,048.
	Interval     time.Duration
	FlushRecords int
	// MaxUnsynced bounds the acknowledged hot records that a power cut can
	// lose; AppendHot waits while there are as many. 0: 8,192.
	MaxUnsynced int
	// CheckpointRecords and CheckpointInterval say how often the head is signed
	// while records come. 0: 65,536 records, 10 s.
	CheckpointRecords  int64
	CheckpointInterval time.Duration
	// Reserve is the space kept for urgent records. 0: 1 MiB; below 0: none.
	Reserve int64
	// ExpectHead is a head that the log must still contain; see CheckHead.
	ExpectHead *Head
	// Sinks get a copy of every line.
	Sinks []Sink
	// SinkQueue is how many bytes may wait for each sink. 0: 4 MiB.
	SinkQueue int
	Now       func() time.Time // nil: time.Now
	Log       *slog.Logger     // nil: none; told of problems, never of records
}

func (o Options) withDefaults() Options {
	set(&o.SegmentSize, 64<<20)
	set(&o.Interval, 50*time.Millisecond)
	set(&o.FlushRecords, 2048)
	set(&o.MaxUnsynced, 8192)
	set(&o.CheckpointRecords, 65536)
	set(&o.CheckpointInterval, 10*time.Second)
	set(&o.Reserve, 1<<20)
	set(&o.SinkQueue, 4<<20)
	o.Reserve = max(0, o.Reserve)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

func set[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

// Log is an open log. Its methods may be called by many goroutines.
type Log struct {
	dir  string
	opts Options
	now  func() time.Time

	kick, arm chan struct{} // to the committer: write now; write within Interval
	stop      chan struct{}
	work      sync.WaitGroup // committer and compressor
	sinks     []*sink
	compress  chan segment

	committed atomic.Int64 // records that readers may see
	// For Status, which must not wait for a disk that hangs.
	signing      atomic.Bool
	segmentStart atomic.Int64

	// files is held by whoever touches a file; it is taken before mu.
	files         sync.Mutex
	lock          *os.File
	seg           *os.File
	segInfo       os.FileInfo
	segFirst      int64
	segSize       int64
	segDirty      bool // bytes beyond segSize have to be cut off first
	segCached     cached
	hashes        *hashFile
	edge          frontier
	reserve       reserve
	signer        *signer
	publicWritten bool
	state         Head // what the state file says
	leaf          leafHasher
	out, hashOut  []byte // reused between commits

	// mu guards what follows.
	mu            sync.Mutex
	pending       *batch
	spare         *batch
	unsynced      int
	progress      chan struct{} // closed at the end of a commit, nil when nobody waits
	closed        bool
	failing       atomic.Bool // there is a cause, or the log is closed
	cause         error       // why the last commit could not write everything
	head          Head
	newest        Checkpoint
	newestTime    time.Time
	checkpointErr error
	problems      []Problem
	recovered     int64
}

// Status is what people and programs may want to know of a log.
type Status struct {
	Head                     // durable
	Unsynced       int       // records that are not durable yet
	Segment        string    // file being written
	Err            error     // why records can't be written now; nil when they can
	Checkpoint     Head      // newest checkpoint
	CheckpointTime time.Time // when it was written; zero if before Open
	CheckpointErr  error     // why the newest could not be written
	Signing        bool      // there is a key
	Problems       []Problem // found while open and at Open; at most 100
	TornBytes      int64     // of a record never acknowledged, cut off at Open
	Sinks          []SinkStatus
}

// Status returns the state of the log. It does not wait for the disk. Err is of
// the last attempt to write; a log that can be written again shows it with the
// next record.
func (l *Log) Status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := Status{
		Head: l.head, Unsynced: l.unsynced, Segment: segmentName(l.segmentStart.Load()), Err: l.cause,
		Checkpoint: l.newest.Head, CheckpointTime: l.newestTime, CheckpointErr: l.checkpointErr,
		Signing: l.signing.Load(), Problems: append([]Problem(nil), l.problems...), TornBytes: l.recovered,
	}
	for _, k := range l.sinks {
		s.Sinks = append(s.Sinks, k.state())
	}
	return s
}

// Head is the head of the tree of all records that are durable.
func (l *Log) Head() Head {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.head
}

func (l *Log) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

const maxProblems = 100

// report keeps a problem for Status.
func (l *Log) report(p Problem) {
	l.opts.Log.Error("audit log: "+p.What, "file", p.Where, "seq", p.Seq)
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.problems) < maxProblems {
		l.problems = append(l.problems, p)
	}
}
