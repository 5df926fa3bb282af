package ipc

import (
	"bytes"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/vaultd/vaultd/vault/fault"
)

// maxParts bounds how many messages and entries of lists a request is made of. An
// empty one has two bytes where it is sent and more than a hundred once it is read:
// without a bound what one user may send would take gigabytes.
const maxParts = 32 << 10

// leastPart is what a part takes of a request at least: its tag, and its length.
const leastPart = 2

func tooManyParts() *fault.Error {
	return fault.E(fault.CodeTooLarge, "the request has more than %d parts", maxParts).WithHint("send several")
}

// crowded reports whether an encoded request has more parts than it may. It looks
// only at those that are large enough for that.
func crowded(encoded []byte, req proto.Message) bool {
	if len(encoded) <= maxParts*leastPart {
		return false
	}
	left := maxParts
	return !countParts(encoded, req.ProtoReflect().Descriptor(), &left)
}

// countParts takes the parts of a message off what is left, and reports whether
// that was enough. What is malformed is left to who reads it. Each step down takes
// a part, so that the depth is bounded too.
func countParts(b []byte, kind protoreflect.MessageDescriptor, left *int) bool {
	for len(b) > 0 {
		number, wire, n := protowire.ConsumeTag(b)
		if n < 0 {
			return true
		}
		b = b[n:]
		size := protowire.ConsumeFieldValue(number, wire, b)
		if size < 0 {
			return true
		}
		field := kind.Fields().ByNumber(number)
		if field != nil && wire == protowire.BytesType && (field.IsList() || field.Message() != nil) {
			if *left--; *left < 0 {
				return false
			}
			if inner := field.Message(); inner != nil {
				value, _ := protowire.ConsumeBytes(b)
				if !countParts(value, inner, left) {
					return false
				}
			}
		}
		b = b[size:]
	}
	return true
}

// crowdedJSON is crowded for JSON, where a part takes a brace or a comma, and most
// take both.
func crowdedJSON(text []byte) bool {
	return len(text) > 2*maxParts && bytes.Count(text, []byte("{"))+bytes.Count(text, []byte(",")) > 2*maxParts
}
