// Package frame is the layout of the frame form of the protocol, as
// docs/PROTOCOL.md specifies it: a preface, then requests and responses, each
// a short header and one protobuf message. It is shared by server and client,
// and knows neither messages nor sockets beyond reading from one.
package frame
