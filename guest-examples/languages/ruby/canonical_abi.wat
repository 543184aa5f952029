;; Handles of Ruby's values, which are the values themselves, and of JavaScript's, of which there are none.
(module
  (func (export "resource_new_rb-abi-value") (param $value i32) (result i32) (local.get $value))
  (func (export "resource_get_rb-abi-value") (param $handle i32) (result i32) (local.get $handle))
  (func (export "resource_drop_js-abi-value") (param i32) unreachable))
