//! What each product has, in Herald's words.

mod calico;
mod cilium;
mod kube_vip;
mod loxilb;
mod metallb;
mod openelb;
mod purelb;
mod servicelb;

use crate::draft::Draft;
use crate::product::Product;

/// Reads what the product has into the draft.
pub(crate) fn read(draft: &mut Draft<'_>) {
    match draft.product {
        Product::Metallb => metallb::read(draft),
        Product::KubeVip => kube_vip::read(draft),
        Product::Purelb => purelb::read(draft),
        Product::Cilium => cilium::read(draft),
        Product::Calico => calico::read(draft),
        Product::Openelb => openelb::read(draft),
        Product::Loxilb => loxilb::read(draft),
        Product::Servicelb => servicelb::read(draft),
    }
}
