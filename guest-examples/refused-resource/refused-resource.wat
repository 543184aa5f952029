;; `refused-resource`: functions that hand out, take and lend a resource, and one that has nothing to do with it.
(component
  (type $ticket' (resource (rep i32)))
  (export $ticket "ticket" (type $ticket'))
  (core func $new (canon resource.new $ticket'))
  (core module $code
    (import "ticket" "new" (func $new (param i32) (result i32)))
    (func (export "draw") (result i32) (call $new (i32.const 7)))
    (func (export "redeem") (param i32) (result i32) (i32.const 7))
    (func (export "double") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2))))
  (core instance $code
    (instantiate $code (with "ticket" (instance (export "new" (func $new))))))
  (func (export "draw") (result (own $ticket)) (canon lift (core func $code "draw")))
  (func (export "redeem") (param "t" (own $ticket)) (result u32) (canon lift (core func $code "redeem")))
  (func (export "look") (param "t" (borrow $ticket)) (result u32) (canon lift (core func $code "redeem")))
  (func (export "double") (param "x" u32) (result u32) (canon lift (core func $code "double"))))
