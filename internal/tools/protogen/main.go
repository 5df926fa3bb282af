// Command protogen compiles the project's .proto files and runs the pinned
// Go generators over them. It needs no protoc: parsing is protocompile's, and
// the generators are the tools of this module's go.mod.
//
// It is run by `go generate ./ipc/...` from anywhere in the repository.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// generators names the tools in the order they run, with their options. The
// module option makes file names relative to the repository.
var generators = []struct{ tool, options string }{
	{"protoc-gen-go", ""},
	{"protoc-gen-go-vtproto", "features=marshal+unmarshal+unmarshal_unsafe+size"},
	{"protoc-gen-connect-go", "simple"},
}

const module = "github.com/vaultd/vaultd"

func main() {
	log.SetFlags(0)
	log.SetPrefix("protogen: ")
	root := flag.String("root", "../..", "directory of the repository")
	include := flag.String("include", "ipc/api", "directory, in the repository, that imports are relative to")
	flag.Parse()
	if err := run(*root, *include, flag.Args()); err != nil {
		log.Fatal(err)
	}
}

func run(root, include string, files []string) error {
	compiler := protocompile.Compiler{
		Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{
			ImportPaths: []string{filepath.Join(root, include)},
		}),
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	compiled, err := compiler.Compile(context.Background(), files...)
	if err != nil {
		return err
	}
	var ordered []*descriptorpb.FileDescriptorProto
	seen := make(map[string]bool)
	for _, f := range compiled {
		ordered = appendWithImports(ordered, seen, f)
	}
	for _, g := range generators {
		request := &pluginpb.CodeGeneratorRequest{
			FileToGenerate: files,
			ProtoFile:      ordered,
			Parameter:      proto.String(strings.Trim("module="+module+","+g.options, ",")),
		}
		if err := generate(root, g.tool, request); err != nil {
			return fmt.Errorf("%s: %w", g.tool, err)
		}
	}
	return nil
}

// appendWithImports adds f after everything it imports, as generators expect.
func appendWithImports(list []*descriptorpb.FileDescriptorProto, seen map[string]bool, f protoreflect.FileDescriptor) []*descriptorpb.FileDescriptorProto {
	if seen[f.Path()] {
		return list
	}
	seen[f.Path()] = true
	imports := f.Imports()
	for i := range imports.Len() {
		list = appendWithImports(list, seen, imports.Get(i).FileDescriptor)
	}
	return append(list, protoutil.ProtoFromFileDescriptor(f))
}

func generate(root, tool string, request *pluginpb.CodeGeneratorRequest) error {
	in, err := proto.Marshal(request)
	if err != nil {
		return err
	}
	cmd := exec.Command("go", "tool", tool)
	cmd.Stdin = bytes.NewReader(in)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return err
	}
	var response pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(out, &response); err != nil {
		return err
	}
	if response.Error != nil {
		return fmt.Errorf("%s", response.GetError())
	}
	for _, f := range response.GetFile() {
		name := filepath.Join(root, filepath.FromSlash(f.GetName()))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, []byte(f.GetContent()), 0o644); err != nil {
			return err
		}
	}
	return nil
}
