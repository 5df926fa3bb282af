package ipc

import (
	"errors"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// The codecs of the HTTP form are Connect's own but for one thing: they count the
// parts of a request before they read it. Answers are written by the daemon itself.

var errNotProto = errors.New("not a protobuf message")

// codecs are those for every content type that Connect takes.
func codecs() []connect.HandlerOption {
	return []connect.HandlerOption{
		connect.WithCodec(binaryCodec{}),
		connect.WithCodec(jsonCodec{"json"}), connect.WithCodec(jsonCodec{"json; charset=utf-8"}),
	}
}

type binaryCodec struct{}

// Name is part of the content type.
func (binaryCodec) Name() string { return "proto" }

// Marshal encodes an answer.
func (c binaryCodec) Marshal(v any) ([]byte, error) { return c.MarshalAppend(nil, v) }

// MarshalAppend is Marshal into room that Connect uses again.
func (binaryCodec) MarshalAppend(dst []byte, v any) ([]byte, error) {
	m, ok := v.(proto.Message)
	if !ok {
		return nil, errNotProto
	}
	return proto.MarshalOptions{}.MarshalAppend(dst, m)
}

// Unmarshal reads a request.
func (binaryCodec) Unmarshal(data []byte, v any) error {
	m, ok := v.(proto.Message)
	switch {
	case !ok:
		return errNotProto
	case crowded(data, m):
		return tooManyParts()
	}
	return proto.Unmarshal(data, m)
}

type jsonCodec struct{ name string }

// Name is part of the content type.
func (c jsonCodec) Name() string { return c.name }

// Marshal encodes an answer.
func (c jsonCodec) Marshal(v any) ([]byte, error) { return c.MarshalAppend(nil, v) }

// MarshalAppend is Marshal into room that Connect uses again.
func (jsonCodec) MarshalAppend(dst []byte, v any) ([]byte, error) {
	m, ok := v.(proto.Message)
	if !ok {
		return nil, errNotProto
	}
	return protojson.MarshalOptions{}.MarshalAppend(dst, m)
}

// Unmarshal reads a request. Fields that it does not know are passed over, so that
// a newer client is understood.
func (jsonCodec) Unmarshal(data []byte, v any) error {
	m, ok := v.(proto.Message)
	switch {
	case !ok:
		return errNotProto
	case len(data) == 0:
		return errors.New("an empty body is no JSON object")
	case crowdedJSON(data):
		return tooManyParts()
	}
	return protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(data, m)
}
