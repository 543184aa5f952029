;; A program of WASI around the Ruby of the package, which is made to be called from JavaScript:
;; `ruby -e CODE [ARG]...`, `ruby FILE [ARG]...`, or the code from standard input. Blocks of at_exit do not run.
(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "ruby" "memory" (memory 0))
  (import "ruby" "_initialize" (func $initialize))
  (import "ruby" "cabi_realloc" (func $realloc (param i32 i32 i32 i32) (result i32)))
  (import "ruby" "ruby-init: func(args: list<string>) -> ()" (func $ruby_init (param i32 i32)))
  (import "ruby" "rb-eval-string-protect: func(str: string) -> tuple<handle<rb-abi-value>, s32>"
    (func $eval (param i32 i32) (result i32)))

  ;; Four options, 22 bytes: without a script of its own Ruby would take standard input for one.
  (data $options "ruby\00-EUTF-8\00-e_=0\00--\00")

  ;; 395 bytes.
  (data $main
    "-> {\n"
    "  status = 0\n"
    "  begin\n"
    "    name = '-e'\n"
    "    code = if ARGV[0] == name then ARGV.shift(2)[1] elsif ARGV[0] then File.read(name = ARGV.shift) else $stdin.read end\n"
    "    eval(code.to_s, TOPLEVEL_BINDING, $0 = name)\n"
    "  rescue SystemExit => e\n"
    "    status = e.status\n"
    "  rescue Exception => e\n"
    "    status = 1\n"
    "    $stderr.write(e.full_message(highlight: false))\n"
    "  end\n"
    "  $stdout.flush\n"
    "  exit!(status)\n"
    "}.call\00")

  (func $new (param $bytes i32) (result i32)
    (call $realloc (i32.const 0) (i32.const 0) (i32.const 4) (local.get $bytes)))

  ;; Puts down at $at where the string at $from lies and how long it is, with its zero, and returns where it ends.
  (func $string (param $at i32) (param $from i32) (result i32)
    (local $end i32)
    (local.set $end (local.get $from))
    (loop $next
      (local.set $end (i32.add (local.get $end) (i32.const 1)))
      (br_if $next (i32.load8_u (i32.sub (local.get $end) (i32.const 1)))))
    (i32.store (local.get $at) (local.get $from))
    (i32.store offset=4 (local.get $at) (i32.sub (local.get $end) (local.get $from)))
    (local.get $end))

  (func (export "_start")
    (local $sizes i32) (local $count i32) (local $arguments i32) (local $strings i32) (local $at i32) (local $from i32)
    (call $initialize)
    (local.set $sizes (call $new (i32.const 8)))
    (drop (call $args_sizes_get (local.get $sizes) (i32.add (local.get $sizes) (i32.const 4))))
    (local.set $count (i32.load (local.get $sizes)))
    (local.set $arguments (call $new (i32.mul (local.get $count) (i32.const 4))))
    (drop (call $args_get (local.get $arguments) (call $new (i32.load offset=4 (local.get $sizes)))))

    ;; The options, then all arguments but the first, which is the name of the program.
    (local.set $strings (call $new (i32.mul (i32.add (local.get $count) (i32.const 3)) (i32.const 8))))
    (local.set $at (local.get $strings))
    (local.set $from (call $new (i32.const 22)))
    (memory.init $options (local.get $from) (i32.const 0) (i32.const 22))
    (loop $next
      (local.set $from (call $string (local.get $at) (local.get $from)))
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (br_if $next (i32.lt_u (local.get $at) (i32.add (local.get $strings) (i32.const 32)))))
    (block $done
      (loop $next
        (local.set $arguments (i32.add (local.get $arguments) (i32.const 4)))
        (br_if $done (i32.ge_u (local.get $at)
          (i32.add (local.get $strings) (i32.mul (i32.add (local.get $count) (i32.const 3)) (i32.const 8)))))
        (drop (call $string (local.get $at) (i32.load (local.get $arguments))))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br $next)))
    (call $ruby_init (local.get $strings) (i32.add (local.get $count) (i32.const 3)))

    (local.set $from (call $new (i32.const 395)))
    (memory.init $main (local.get $from) (i32.const 0) (i32.const 395))
    (drop (call $eval (local.get $from) (i32.const 395)))
    unreachable))
