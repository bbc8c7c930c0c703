// Judges objects by a health script, as Argo CD does: with gopher-lua, the object as `obj`, and no more of
// Lua's libraries than Argo CD opens. Prints one line an object.
//
// Usage: health SCRIPT OBJECT.json...
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	lua "github.com/yuin/gopher-lua"
)

func main() {
	script, err := os.ReadFile(os.Args[1])
	check(err)
	for _, path := range os.Args[2:] {
		text, err := os.ReadFile(path)
		check(err)
		var object map[string]any
		check(json.Unmarshal(text, &object))
		status, message := judge(string(script), object)
		fmt.Printf("%s: %s: %s\n", filepath.Base(path), status, message)
	}
}

func judge(script string, object map[string]any) (status, message string) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for name, open := range map[string]lua.LGFunction{
		lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable, lua.StringLibName: lua.OpenString,
	} {
		check(state.CallByParam(lua.P{Fn: state.NewFunction(open), Protect: true}, lua.LString(name)))
	}
	state.SetGlobal("obj", value(state, object))
	check(state.DoString(script))
	health, ok := state.Get(-1).(*lua.LTable)
	if !ok {
		check(fmt.Errorf("the script returns no table"))
	}
	return health.RawGetString("status").String(), health.RawGetString("message").String()
}

func value(state *lua.LState, of any) lua.LValue {
	switch of := of.(type) {
	case map[string]any:
		table := state.NewTable()
		for key, item := range of {
			table.RawSetString(key, value(state, item))
		}
		return table
	case []any:
		table := state.NewTable()
		for _, item := range of {
			table.Append(value(state, item))
		}
		return table
	case string:
		return lua.LString(of)
	case float64:
		return lua.LNumber(of)
	case bool:
		return lua.LBool(of)
	}
	return lua.LNil
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "health:", err)
		os.Exit(1)
	}
}
